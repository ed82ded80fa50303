package main

func Example() {
	main()
	// Output: {Ann ann@example.com} <nil>
}
