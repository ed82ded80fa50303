package pickle

// The opcodes that CPython writes in protocols 2 to 5.
const (
	opProto = 0x80
	opFrame = 0x95
	opStop  = '.'
	opMark  = '('
	opPop   = '0'
	// opPopMark removes the values above the last mark, and the mark.
	opPopMark = '1'

	opNone            = 'N'
	opNewTrue         = 0x88
	opNewFalse        = 0x89
	opBinInt          = 'J'
	opBinInt1         = 'K'
	opBinInt2         = 'M'
	opLong1           = 0x8a
	opLong4           = 0x8b
	opBinFloat        = 'G'
	opBinUnicode      = 'X'
	opShortBinUnicode = 0x8c
	opBinUnicode8     = 0x8d
	opBinBytes        = 'B'
	opShortBinBytes   = 'C'
	opBinBytes8       = 0x8e
	opByteArray8      = 0x96

	opEmptyList  = ']'
	opAppend     = 'a'
	opAppends    = 'e'
	opEmptyTuple = ')'
	opTuple      = 't'
	opTuple1     = 0x85
	opTuple2     = 0x86
	opTuple3     = 0x87
	opEmptyDict  = '}'
	opSetItem    = 's'
	opSetItems   = 'u'
	opEmptySet   = 0x8f
	opAddItems   = 0x90
	opFrozenSet  = 0x91

	opBinPut     = 'q'
	opLongBinPut = 'r'
	opMemoize    = 0x94
	opBinGet     = 'h'
	opLongBinGet = 'j'

	opGlobal      = 'c'
	opStackGlobal = 0x93
	opReduce      = 'R'
	opNewObj      = 0x81
	opNewObjEx    = 0x92
	opBuild       = 'b'
	opBinPersID   = 'Q'
	opExt1        = 0x82
	opExt2        = 0x83
	opExt4        = 0x84
)

// The protocols for reading, and the protocol for writing.
const (
	oldestProtocol  = 2
	newestProtocol  = 5
	writtenProtocol = 4
)
