package image

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The parts of an SPDX 2.3 document (https://spdx.github.io/spdx-spec/v2.3/, its
// JSON form, whose schema writes OPERATING_SYSTEM where the text has a dash) that
// are written here.
type spdxDocument struct {
	Version       string             `json:"spdxVersion"`
	ID            string             `json:"SPDXID"`
	Name          string             `json:"name"`
	DataLicense   string             `json:"dataLicense"`
	Namespace     string             `json:"documentNamespace"`
	Creation      spdxCreation       `json:"creationInfo"`
	Packages      []spdxPackage      `json:"packages"`
	Relationships []spdxRelationship `json:"relationships"`
}

type spdxCreation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	Name          string         `json:"name"`
	ID            string         `json:"SPDXID"`
	Version       string         `json:"versionInfo,omitempty"`
	Download      string         `json:"downloadLocation"`
	FilesAnalyzed bool           `json:"filesAnalyzed"`
	Purpose       string         `json:"primaryPackagePurpose,omitempty"`
	FileName      string         `json:"packageFileName,omitempty"`
	Checksums     []spdxChecksum `json:"checksums,omitempty"`
	Licence       string         `json:"licenseConcluded"`
	Declared      string         `json:"licenseDeclared"`
	Copyright     string         `json:"copyrightText"`
	SourceInfo    string         `json:"sourceInfo,omitempty"`
	Refs          []spdxRef      `json:"externalRefs,omitempty"`
}

type spdxChecksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type spdxRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type spdxRelationship struct {
	From string `json:"spdxElementId"`
	Kind string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

const noAssertion = "NOASSERTION"

// makeSBOM returns the SBOM of an image with the given root file. The same image makes the
// same bytes. So its time is the fixed time of all files of a build, and its namespace is
// derived from its content. It has no licences, because dpkg has none.
func makeSBOM(m *Manifest, root File, format string, list []Package) ([]byte, error) {
	const image = "SPDXRef-Image"
	d := spdxDocument{
		Version: "SPDX-2.3", ID: "SPDXRef-DOCUMENT", Name: m.Name, DataLicense: "CC0-1.0",
		Creation: spdxCreation{Created: time.Unix(releaseEpoch, 0).UTC().Format(time.RFC3339), Creators: []string{"Tool: rackhand"}},
		Packages: []spdxPackage{{
			Name: m.Name, ID: image, Version: m.Release, Download: noAssertion, Purpose: "OPERATING_SYSTEM",
			FileName: root.Name, Checksums: []spdxChecksum{{"SHA256", root.SHA256}},
			Licence: noAssertion, Declared: noAssertion, Copyright: noAssertion,
		}},
		Relationships: []spdxRelationship{{"SPDXRef-DOCUMENT", "DESCRIBES", image}},
	}
	for i, p := range list {
		id := fmt.Sprintf("SPDXRef-Package-%d-%s", i+1, spdxWord(p.Name))
		sp := spdxPackage{
			Name: p.Name, ID: id, Version: p.Version, Download: noAssertion,
			Licence: noAssertion, Declared: noAssertion, Copyright: noAssertion,
			Refs: []spdxRef{{"PACKAGE-MANAGER", "purl", purl(m, format, p)}},
		}
		if p.Source != "" {
			sp.SourceInfo = "built from the source package " + strings.TrimSpace(p.Source+" "+p.SourceVersion)
		}
		d.Packages = append(d.Packages, sp)
		d.Relationships = append(d.Relationships, spdxRelationship{image, "CONTAINS", id})
	}
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(d); err != nil {
		return nil, err
	}
	d.Namespace = fmt.Sprintf("urn:rackhand:image:%s:%x", m.Name, h.Sum(nil))
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(d)
	return []byte(b.String()), err
}

// spdxWord keeps the letters that an SPDX identifier may have.
func spdxWord(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '-'
	}, s)
}

// purl is a package URL (https://github.com/package-url/purl-spec), by which
// scanners know a package.
func purl(m *Manifest, format string, p Package) string {
	vendor := m.Distribution
	if vendor == "" {
		vendor = map[string]string{deb: "debian", rpm: "redhat"}[format]
	}
	q := url.Values{"arch": {p.Arch}}
	if m.Release != "" {
		q.Set("distro", strings.Trim(m.Distribution+"-"+m.Release, "-"))
	}
	version := p.Version
	if epoch, rest, ok := strings.Cut(version, ":"); ok && format == rpm {
		version = rest
		q.Set("epoch", epoch)
	}
	return fmt.Sprintf("pkg:%s/%s/%s@%s?%s", format, url.PathEscape(vendor), escapePURL(p.Name), escapePURL(version), q.Encode())
}

func escapePURL(s string) string {
	return strings.NewReplacer("+", "%2B", ":", "%3A").Replace(url.PathEscape(s))
}

// writeLists writes packages.txt and the SBOM; root.tar.* lies in the folder
// already.
func writeLists(folder string, m *Manifest, root File, format string, list []Package) error {
	m.Packages = len(list)
	f, err := os.Create(filepath.Join(folder, PackagesFile))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := writePackages(f, list); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	data, err := makeSBOM(m, root, format, list)
	if err != nil {
		return fmt.Errorf("write the list of packages: %w", err)
	}
	return os.WriteFile(filepath.Join(folder, SBOMFile), data, 0o644)
}
