package catalog

import (
	"strings"
	"testing"
)

const someSHA = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestParseOffer(t *testing.T) {
	good := Offer{Version: "v1.2-3-gabc+x~1", SHA256: someSHA, Size: 6 << 20}
	if got, err := ParseOffer(good.String()); err != nil || got != good {
		t.Errorf("%+v, %v", got, err)
	}
	for _, text := range []string{
		"", "v1", "v1 " + someSHA, "v1 " + someSHA + " 1 2", "../v1 " + someSHA + " 1", ".v1 " + someSHA + " 1",
		strings.Repeat("v", 65) + " " + someSHA + " 1", "v1 " + strings.ToUpper(someSHA) + " 1", "v1 " + someSHA[2:] + " 1",
		"v1 " + someSHA + " 0", "v1 " + someSHA + " -1", "v1 " + someSHA + " 67108865", "v1 " + someSHA + " 99999999999999999999",
	} {
		if got, err := ParseOffer(text); err == nil {
			t.Errorf("%q is taken: %+v", text, got)
		}
	}
}

func FuzzParseOffer(f *testing.F) {
	f.Add("v1 " + someSHA + " 6000000")
	f.Add("v1  " + someSHA + "\t1")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := ParseOffer(text)
		if err != nil {
			return
		}
		if again, err := ParseOffer(o.String()); err != nil || again != o || strings.ContainsAny(o.Version, "/ \r\n") || o.Size > MaxAgent {
			t.Errorf("%q: %+v, %v", text, again, err)
		}
	})
}
