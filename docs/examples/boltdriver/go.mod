module github.com/xcache-go/xcache/docs/examples/boltdriver

go 1.26.0

replace github.com/xcache-go/xcache => ../../..

require (
	github.com/stretchr/testify v1.12.1
	github.com/xcache-go/xcache v0.0.0-00010101000000-000000000000
	go.etcd.io/bbolt v1.5.0
)

require (
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sys v0.48.0 // indirect
)
