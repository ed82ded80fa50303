package main

// liveHeap stands for the other memory of a service. With an almost empty
// heap, the garbage collector would run hundreds of times a second, and every
// allocated byte would cost more than in a real service.
var liveHeap = make([]byte, 64<<20)
