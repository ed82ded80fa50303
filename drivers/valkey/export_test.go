package valkey

// NewNode is for tests of what is written over nodes.
var NewNode = newNode
