//! Formats of well-known tokens, written from what their issuers publish about them. Never a value.
//!
//! Each begins with letters that hardly anything else begins with, so that ordinary text is skipped quickly and nothing
//! but a token is masked. Lengths are the published ones, or what a random part of that kind has at
//! least; how long a match may be is bounded for all patterns alike.

/// Names and expressions.
pub(crate) const FORMATS: [(&str, &str); 26] = [
    ("age-secret-key", r"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}"),
    ("anthropic", r"\bsk-ant-[a-z]{3,10}[0-9]{2}-[A-Za-z0-9_-]{40,}"),
    ("aws-access-key-id", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
    ("azure-account-key", r"\bAccountKey=[A-Za-z0-9+/]{86}=="),
    ("digitalocean", r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    ("docker-hub", r"\bdckr_[po]at_[A-Za-z0-9_-]{27,}"),
    ("github", r"\bgh[opsur]_[A-Za-z0-9]{36,}\b"),
    ("github-fine-grained", r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b"),
    ("gitlab", r"\bgl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|soat)-[A-Za-z0-9_-]{20,}"),
    ("google-api-key", r"\bAIza[A-Za-z0-9_-]{35}\b"),
    ("google-oauth-client", r"\bGOCSPX-[A-Za-z0-9_-]{28}"),
    ("google-oauth-token", r"\bya29\.[A-Za-z0-9_-]{30,}"),
    ("hashicorp-vault", r"\bhv[bs]\.[A-Za-z0-9_-]{24,}"),
    ("hugging-face", r"\bhf_[A-Za-z0-9]{34,}\b"),
    ("json-web-token", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{16,}"),
    ("npm", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("openai", r"\bsk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}"),
    ("pypi", r"\bpypi-AgE[A-Za-z0-9_-]{60,}"),
    ("sendgrid", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"),
    ("shopify", r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b"),
    ("slack", r"\bxox[abeoprs]-[A-Za-z0-9-]{20,}"),
    ("slack-app", r"\bxapp-[0-9]-[A-Z0-9]{9,13}-[0-9]{10,14}-[a-f0-9]{64}\b"),
    ("slack-webhook", r"hooks\.slack\.com/services/T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{24}"),
    ("stripe", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}\b"),
    ("stripe-webhook", r"\bwhsec_[A-Za-z0-9+/]{32,}"),
    ("tailscale", r"\btskey-[a-z]{3,8}-[A-Za-z0-9]{9,20}-[A-Za-z0-9]{20,}"),
];
