// Command configschema writes the JSON Schema of the distribution's
// configuration: for editors, which complete keys and mark mistakes by it, and
// for checks that run where no Collector is.
//
// What it knows of our components comes from their code: keys and types from
// the Go structs, defaults from the factories, descriptions from the comments
// of the fields. Components of others are named and otherwise left to the
// Collector. Values whose form only Validate knows (an address, a glob, one of
// several words) are strings here.
//
//	go run ./internal/configschema > docs/schema/otelcol-tracescrub.schema.json
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

func main() {
	// Defaults must not depend on who makes the schema.
	os.Unsetenv("TRACESCRUB_DATA")
	if err := write(os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "configschema: %v\n", err)
		os.Exit(1)
	}
}

func write(w io.Writer) error {
	schema, err := collector()
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(schema)
}
