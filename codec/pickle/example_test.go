package pickle_test

import (
	"fmt"

	"github.com/xcache-go/xcache/codec"
	"github.com/xcache-go/xcache/codec/pickle"
)

func Example() {
	type user struct {
		ID   int64    `json:"id"`
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}
	chain, err := codec.New(codec.Config{Serializers: []codec.Serializer{pickle.Serializer}})
	if err != nil {
		fmt.Println(err)
		return
	}
	// In Django, cache.set("user", {"id": 7, "name": "Ada", "tags": ("admin",)}) stores
	// these bytes.
	stored := []byte("\x80\x05\x95\x26\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x02id\x94K\x07\x8c\x04name\x94\x8c\x03Ada\x94\x8c\x04tags\x94\x8c\x05admin\x94\x85\x94u.")

	var u user
	_, err = chain.Decode(stored, &u)
	fmt.Println(u, err)

	var v any
	_, err = chain.Decode(stored, &v)
	fmt.Println(v, err)

	// An instance of a class is not plain data.
	_, err = chain.Decode([]byte("\x80\x04\x8c\x06models\x8c\x04User\x93)\x81."), &v)
	fmt.Println(err)
	// Output:
	// {7 Ada [admin]} <nil>
	// map[id:7 name:Ada tags:[admin]] <nil>
	// xcache: corrupt value: pickle: it holds an object of models.User, which is not plain data
}
