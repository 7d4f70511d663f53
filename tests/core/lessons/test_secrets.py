"""Keys, tokens and passwords are masked; what only looks like one is left."""

from __future__ import annotations

import random
import string

import pytest

from noclobber.lessons.secrets import SecretMasker

ALPHABET = string.ascii_letters + string.digits


def made(length: int, alphabet: str = ALPHABET, seed: int = 5) -> str:
    """A random string: a token in a source file would trip other people's scanners."""
    return "".join(random.Random(seed).choices(alphabet, k=length))


SECRETS = {
    "AWS key id": "AKIA" + made(16, string.ascii_uppercase + "234567"),
    "AWS secret key": f'aws_secret_access_key = "{made(40)}"',
    "GitHub token": "ghp_" + made(36),
    "GitHub fine-grained token": "github_pat_" + made(22) + "_" + made(59),
    "GitLab token": "glpat-" + made(20),
    "Slack token": "xoxb-123456789012-123456789012-" + made(24),
    "Slack webhook": "https://hooks.slack.com/services/T00000000/B00000000/" + made(24),
    "Stripe key": "sk_live_" + made(24),
    "OpenAI key": "sk-proj-" + made(48),
    "Anthropic key": "sk-ant-api03-" + made(93) + "AA",
    "Google key": "AIza" + made(35),
    "npm token": "npm_" + made(36),
    "PyPI token": "pypi-AgEIcHlwaS5vcmc" + made(80),
    "SendGrid key": "SG." + made(22) + "." + made(43),
    "Hugging Face token": "hf_" + made(34),
    "JSON web token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0." + made(43),
    "password in a URL": "postgres://alice:s3cr3tPassw0rd@db.example.com/x",
    "token in a URL": f"https://{made(30)}@example.com/r.git",
    "private key": f"-----BEGIN RSA PRIVATE KEY-----\n{made(64)}\n{made(64, seed=6)}\n-----END RSA PRIVATE KEY-----",
    "private key cut off": f"-----BEGIN PRIVATE KEY-----\n{made(64)}",
    "password assigned": 'password = "hunter2hunter2"',
    "password in the environment": "DB_PASSWORD=correct-horse-battery",
    "bearer token": "Authorization: Bearer " + made(40),
    "account key": "AccountKey=" + made(86) + "==",
}
PARTS = {
    "AWS secret key": 24,
    "password in a URL": 17,
    "token in a URL": 8,
    "password assigned": 12,
    "password in the environment": 12,
    "bearer token": 22,
    "account key": 11,
}
HARMLESS = [
    "assert key == 'abc'",
    "TypeError: token must be str, not int",
    "KeyError: 'password'",
    "error TS2322: Type 'string' is not assignable to type 'number'.",
    "src/auth/token.py:12: expected secret=None",
    "api_key: required",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "AssertionError: assert 'access_token' in {'refresh_token': 1}",
    "password = getpass.getpass()",
    "postgres://localhost:5432/db and http://user@example.com/",
    "id 3f2b8c1e-1111-4222-8333-abcdefabcdef",
    "Authorization: Bearer <token>",
]


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_replaced_by_a_note_of_its_kind(name: str) -> None:
    secret = SECRETS[name]
    masked = SecretMasker().mask(f"request failed: {secret} was rejected")
    start = PARTS.get(name, 0)
    assert secret[start : start + 12] not in masked
    assert masked.startswith("request failed: ")
    assert "[secret removed: " in masked
    assert SecretMasker().mask(masked) == masked


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_a_secret_is_left(text: str) -> None:
    assert SecretMasker().mask(text) == text


def test_several_secrets_in_one_text_are_all_masked_and_the_rest_stays() -> None:
    masked = SecretMasker().mask(f"a {SECRETS['GitHub token']} b {SECRETS['password in a URL']} c")
    assert masked == "a [secret removed: github-pat] b postgres://alice:[secret removed: url-password]@db.example.com/x c"
