package main

func Example() {
	main()
	// Output:
	// 2 <nil>
	// {1 welcome} <nil>
	// 1 <nil>
}
