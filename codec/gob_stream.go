package codec

// checkGob reports what is wrong with a gob stream of one value.
func checkGob(data []byte) error {
	return nil
}
