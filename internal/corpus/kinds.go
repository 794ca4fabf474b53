package corpus

import (
	"fmt"
	"math/rand/v2"
)

// kinds are the shapes of the secrets that one line describes. Prefixes and
// lengths are the providers' own; what the prefix does not say is random.
var kinds = map[string]string{
	"anthropic_api_key":               "sk-ant-api03-{b64url:93}AA",
	"aws_access_key_id":               "AKIA{base32:16}",
	"aws_secret_access_key":           "{b64:40}",
	"aws_session_token":               "IQoJb3JpZ2luX2Vj{bytes:300}",
	"azure_client_secret":             "{alnum:3}8Q~{azure:33}{alnum:1}",
	"azure_sas_token":                 "{bytes:32}",
	"azure_storage_connection_string": "{bytes:64}",
	"custom_prefixed_token":           "acme_live_{lownum:32}",
	"databricks_token":                "dapi{hex:32}",
	"datadog_api_key":                 "{hex:32}",
	"digitalocean_token":              "dop_v1_{hex:64}",
	"django_secret_key":               "django-insecure-{django:50}",
	"docker_config_auth":              "dckr_pat_{b64url:26}{alnum:1}",
	"doppler_token":                   "dp.pt.{alnum:43}",
	"ethereum_private_key":            "0x{hex:64}",
	"gcp_oauth_access_token":          "ya29.a0{b64url:159}{alnum:1}",
	"gcp_oauth_client_secret":         "GOCSPX-{b64url:28}",
	"github_app_token":                "ghs_{alnum:30}{crc}",
	"github_fine_grained_pat":         "github_pat_{alnum:22}_{alnum:59}",
	"github_pat":                      "ghp_{alnum:30}{crc}",
	"gitlab_pat":                      "glpat-{b64url:20}",
	"google_api_key":                  "AIzaSy{b64url:33}",
	"grafana_sa_token":                "glsa_{alnum:32}_{hex:8}",
	"huggingface_token":               "hf_{alnum:34}",
	"langfuse_secret_key":             "sk-lf-{uuid}",
	"langsmith_key":                   "lsv2_pt_{hex:32}_{hex:10}",
	"linear_api_key":                  "lin_api_{alnum:40}",
	"mailgun_key":                     "key-{hex:32}",
	"newrelic_user_key":               "NRAK-{upnum:27}",
	"notion_token":                    "ntn_{alnum:46}",
	"npm_token":                       "npm_{alnum:30}{crc}",
	"numeric_passcode":                "{digits:6}",
	"opaque_bearer_token":             "{alnum:42}",
	"openai_legacy_key":               "sk-{alnum:20}T3BlbkFJ{alnum:20}",
	"openai_project_key":              "sk-proj-{b64url:74}T3BlbkFJ{b64url:73}{alnum:1}",
	"pin_code":                        "{digits:4}",
	"pypi_token":                      "pypi-AgEIcHlwaS5vcmc{b64url:120}",
	"s3_presigned_url":                "{hex:64}",
	"sendgrid_key":                    "SG.{b64url:22}.{b64url:43}",
	"session_cookie":                  "{b64url:43}",
	"shopify_token":                   "shpat_{hex:32}",
	"slack_app_token":                 "xapp-1-A{upnum:10}-{digits:13}-{hex:64}",
	"slack_bot_token":                 "xoxb-{digits:12}-{digits:13}-{alnum:24}",
	"slack_webhook_url":               "{alnum:24}",
	"stripe_restricted_key":           "rk_live_51{alnum:97}",
	"stripe_secret_key":               "sk_live_51{alnum:97}",
	"stripe_webhook_secret":           "whsec_{alnum:32}",
	"telegram_bot_token":              "{digits:10}:AA{b64url:33}",
	"terraform_cloud_token":           "{alnum:14}.atlasv1.{b64url:66}{alnum:1}",
	"twilio_auth_token":               "{hex:32}",
	"vault_token":                     "hvs.{b64url:89}{alnum:1}",
	"wireguard_private_key":           "{bytes:32}",
}

// makers make the secrets that have a structure of their own.
var makers = map[string]func(*rand.Rand) string{
	"age_secret_key":      ageSecretKey,
	"bip39_seed_phrase":   seedPhrase,
	"discord_bot_token":   discordToken,
	"ec_private_key":      ecKey,
	"ed25519_private_key": ed25519Key,
	"gcp_service_account": pkcs8Key,
	"jwt": func(r *rand.Rand) string {
		return jwt(r, `{"iss":"https://id.example.com/","sub":"svc-%s","aud":"api://default","iat":%d}`)
	},
	"k8s_sa_token": func(r *rand.Rand) string {
		return jwt(r, `{"iss":"https://kubernetes.default.svc","sub":"system:serviceaccount:prod:%s","iat":%d}`)
	},
	"kubeconfig_client_key": ecKey,
	"openssh_private_key":   openSSHKey,
	"pgp_private_key":       pgpKey,
	"pkcs8_private_key":     pkcs8Key,
	"rsa_private_key":       rsaKey,
}

// generate makes the text of a secret.
func generate(r *rand.Rand, s secretSpec) (string, error) {
	shape := s.Shape
	if shape == "" {
		shape = kinds[s.Kind]
	}
	if make := makers[s.Kind]; shape == "" && make != nil {
		return make(r), nil
	}
	if shape == "" {
		return "", fmt.Errorf("secret %s: no shape for the kind %q", s.ID, s.Kind)
	}
	return expand(r, shape), nil
}
