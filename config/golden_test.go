package config_test

import (
	"testing"

	"rackhand/config"
	"rackhand/config/schema/schematest"
)

func TestJSONSchema(t *testing.T) {
	data, err := config.JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	schematest.Golden(t, "../docs/schema/config.schema.json", data, *update)
}
