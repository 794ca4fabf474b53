// Package verify knows the checksums and the inner structure of credentials:
// it tells a real token from text of the same shape, without a network.
//
// Rules name its functions in their checksum key. A function gets the whole
// match of the rule and never keeps it; none panics on any input, all are safe
// for concurrent use.
package verify

import (
	"maps"
	"slices"
)

// Result is what a check says about a token.
type Result uint8

const (
	// Unknown: the token is of a form that this check cannot judge.
	Unknown Result = iota
	// Passed: the checksum or the structure agrees.
	Passed
	// Failed: it does not agree: a typing error, a placeholder, or another thing of the same shape.
	Failed
)

// Func judges a token.
type Func func(token []byte) Result

// table has the checks by the names that rules use.
var table = map[string]Func{
	"anthropic":           anthropic,
	"atlassian-crc32":     atlassianCRC32,
	"aws-key-id":          awsKeyID,
	"azure-signature":     azureSignature,
	"base64-json":         base64JSON,
	"basic-auth":          basicAuth,
	"bech32":              bech32,
	"bip39":               bip39,
	"bedrock":             bedrock,
	"confluent-crc32":     confluentCRC32,
	"crc32-hex":           crc32Hex,
	"discord":             discord,
	"github-crc32":        githubCRC32,
	"github-fine-grained": githubFineGrained,
	"gitlab-routable":     gitlabRoutable,
	"jfrog-reference":     jfrogReference,
	"jwt":                 jwt,
	"nkey":                nkey,
	"openai":              openAI,
	"pem":                 pemBody,
	"pypi":                pypi,
	"slack":               slack,
	"stripe":              stripe,
	"wif":                 wif,
}

// Lookup returns the check of that name, nil if there is none.
func Lookup(name string) Func { return table[name] }

// Names lists the names of all checks in order.
func Names() []string { return slices.Sorted(maps.Keys(table)) }

// of makes a Result of an answer.
func of(ok bool) Result {
	if ok {
		return Passed
	}
	return Failed
}
