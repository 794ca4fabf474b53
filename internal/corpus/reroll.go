package corpus

import (
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// passwords are shapes of passwords that people and generators make, without
// what some context of the templates would have to escape.
var passwords = []string{
	"{Word}-{Word}-{digits:4}!", "{alnum:12}.{alnum:8}", "{word}{Word}{digits:3}#!{lower:3}", "{alnum:21}",
	"{Word}{digits:4}!", "{Word}{Word}{digits:2}$", "{lower:4}-{lower:5}-{digits:4}-{lower:4}", "{hex:16}", "{hex:24}", "{hex:32}", "{lownum:20}", "{uuid}",
	"{alnum:8}!{alnum:7}*", "{Word}_{digits:6}", "{lower:3}{digits:3}{upper:3}{digits:3}",
}

// Reroll returns a corpus in which secrets have changed their kind: a token
// that gives itself away is one of another provider, a password is another
// sort of password. Names beside them stay, as they do where people put a
// token into a variable of their own. What is cut at fixed places stays too.
func (c *Corpus) Reroll(seed uint64) *Corpus {
	all := slices.Sorted(maps.Keys(kinds))
	all = slices.DeleteFunc(all, func(k string) bool { return needsContext[k] })
	out := &Corpus{templates: slices.Clone(c.templates)}
	for i := range out.templates {
		t := &out.templates[i]
		h := fnv.New64a()
		h.Write([]byte(t.Name))
		r := rand.New(rand.NewPCG(seed, ^h.Sum64()))
		t.Secrets = slices.Clone(t.Secrets)
		for j := range t.Secrets {
			s := &t.Secrets[j]
			switch cut := strings.Contains(string(t.Payload), "{{"+s.ID+".cut") || strings.Contains(string(t.Payload), "{{"+s.ID+".head"); {
			case cut || s.Kind == "telegram_bot_token": // which follows "bot" at once
			case s.Group == "password" && s.ContextOnly:
				s.Shape = passwords[r.IntN(len(passwords))]
			case s.Group == "token" && !s.ContextOnly && s.Shape == "":
				s.Kind = all[r.IntN(len(all))]
			}
		}
	}
	return out
}

// needsContext are the kinds whose text alone says nothing, or too little to
// stand in any place.
var needsContext = map[string]bool{
	"aws_secret_access_key": true, "aws_session_token": true, "azure_sas_token": true, "azure_storage_connection_string": true,
	"custom_prefixed_token": true, "datadog_api_key": true, "ethereum_private_key": true, "numeric_passcode": true,
	"opaque_bearer_token": true, "pin_code": true, "s3_presigned_url": true, "session_cookie": true, "slack_webhook_url": true,
	"twilio_auth_token": true, "wireguard_private_key": true, "telegram_bot_token": true, "django_secret_key": true, "docker_config_auth": true,
}
