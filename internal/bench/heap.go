package main

// liveHeap is what a service keeps in memory besides: with next to nothing in
// it, the garbage collector would run hundreds of times a second, and every
// allocated byte would cost more than it does anywhere else.
var liveHeap = make([]byte, 64<<20)
