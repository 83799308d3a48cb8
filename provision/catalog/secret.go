package catalog

// SecretOfPath is where the secret of a resource is fetched in format 2: GET and its id.
// That of a file is below [SecretsPath].
const SecretOfPath = "/v1/secret-of/"

// SecretOf is the path of the secret of a resource.
func SecretOf(id string) string { return SecretOfPath + id }

// A secretive spec has a part that is a secret: the password of a user. It doesn't stand in
// catalogs of format 2, and the agent fetches it at each run.
type secretive interface {
	Spec
	// secret is that part; "" for none.
	secret() string
	// withSecret puts a copy of the spec with another secret into a resource.
	withSecret(r *Resource, text string)
}

// Masked stands for a secret in a catalog that is shown to people, and never goes to an agent.
const Masked = "***"

// Secret is the part of a resource that is a secret; "" for none, and in format 2.
func (r *Resource) Secret() string {
	_, s := r.Kind()
	if s, ok := s.(secretive); ok {
		return s.secret()
	}
	return ""
}

// WithSecret is the resource with another secret. Without one, HasSecret says that there was
// one.
func (r *Resource) WithSecret(text string) Resource {
	out := *r
	_, s := r.Kind()
	if s, ok := s.(secretive); ok {
		out.HasSecret = text == "" && (r.HasSecret || s.secret() != "")
		s.withSecret(&out, text)
	}
	return out
}
