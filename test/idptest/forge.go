package idptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Forgeries are tokens that nobody may take for the provider's, by what is
// wrong with them. claims come over those of an honest token; audience is that
// of whoever is to be deceived.
func (p *Provider) Forgeries(audience string, claims map[string]any) map[string]string {
	p.mu.Lock()
	key := p.keys[len(p.keys)-1]
	p.mu.Unlock()
	foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // never fails
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public().Key)
	if err != nil {
		panic(err) // it is a key of ours
	}
	publicJSON, err := key.Public().MarshalJSON()
	if err != nil {
		panic(err) // it is a key of ours
	}
	with := func(name string, value any) map[string]any {
		all := p.honest(claims)
		if all["aud"] = audience; name != "" {
			all[name] = value
		}
		if value == nil {
			delete(all, name)
		}
		return all
	}
	honest := with("", nil)
	good := signed(jose.ES256, key, nil, honest)
	parts := strings.Split(good, ".")
	as := func(k any, id string) jose.JSONWebKey { return jose.JSONWebKey{Key: k, KeyID: id} }
	ahead := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	sign := func(claims map[string]any) string { return signed(jose.ES256, key, nil, claims) }
	return map[string]string{
		"wrong audience":                sign(with("aud", "another")),
		"audience of nobody":            sign(with("aud", nil)),
		"wrong issuer":                  sign(with("iss", "https://another.example")),
		"issuer with a slash":           sign(with("iss", p.URL+"/")),
		"expired":                       sign(with("exp", ahead(-10*time.Minute))),
		"never expires":                 sign(with("exp", nil)),
		"not valid yet":                 sign(with("nbf", ahead(time.Hour))),
		"algorithm none":                encoded(map[string]any{"alg": "none", "typ": "JWT"}) + "." + parts[1] + ".",
		"algorithm none, with key id":   encoded(map[string]any{"alg": "nOnE", "kid": key.KeyID}) + "." + parts[1] + "." + parts[2],
		"HS256 with the public key":     signed(jose.HS256, as(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), key.KeyID), nil, honest),
		"HS256 with the key as JSON":    signed(jose.HS256, as(publicJSON, key.KeyID), nil, honest),
		"another's key, same key id":    signed(jose.ES256, as(foreign, key.KeyID), nil, honest),
		"another's key, other key id":   signed(jose.ES256, as(foreign, "elsewhere"), nil, honest),
		"another's key in the header":   signed(jose.ES256, foreign, map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: foreign.Public()}}, honest),
		"another's key at an address":   signed(jose.ES256, as(foreign, key.KeyID), map[jose.HeaderKey]any{"jku": "http://127.0.0.1:1/keys"}, honest),
		"claims changed afterwards":     parts[0] + "." + encoded(with("sub", "root")) + "." + parts[2],
		"signature of another token":    parts[0] + "." + parts[1] + "." + strings.Split(sign(with("sub", "root")), ".")[2],
		"signature left out":            parts[0] + "." + parts[1] + ".",
		"two tokens":                    good + "." + good,
		"no token at all":               strings.Repeat("a", 40),
		"a token of a quarter megabyte": sign(with("aud", strings.Repeat("a", 250_000))),
	}
}

func encoded(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and numbers
	}
	return base64.RawURLEncoding.EncodeToString(b)
}
