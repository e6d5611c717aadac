"""What is common knowledge of public APIs and stands in none of their specs.

`docs/hosts.md` lists these rules.
"""

from __future__ import annotations

from typing import Final

from .rule import Rule
from .wire import ArrayStyle, Encoding, ObjectStyle

_GITHUB_PATHS: Final = (
    "/(app|applications|app-manifests|assignments|classrooms|codes_of_conduct"
    "|emojis|events|feeds|gists|gitignore|installation|issues|licenses|markdown"
    "|marketplace_listing|meta|networks|notifications|octocat|organizations|orgs"
    "|projects|rate_limit|repos|repositories|search|teams|user|users|versions|zen)"
    "(/|$)"
)
_SLACK_PATHS: Final = r"/[a-z]+(\.[A-Za-z]+)+/?$"

HOSTS: Final = (
    Rule(
        host="api.stripe.com",
        encoding=Encoding.FORM,
        arrays=ArrayStyle.BRACKETS,
        objects=ObjectStyle.BRACKETS,
        source="Stripe API Reference, Introduction",
    ),
    # The newest of Twilio's APIs take JSON.
    Rule(
        host="content.twilio.com",
        encoding=Encoding.JSON,
        source="Twilio Docs, Content API resource",
    ),
    Rule(
        host="assistants.twilio.com",
        encoding=Encoding.JSON,
        source="Twilio Docs, AI Assistants API",
    ),
    Rule(
        host="*.twilio.com",
        encoding=Encoding.FORM,
        source="Twilio Docs, Twilio API requests",
    ),
    Rule(
        host="api.notion.com",
        headers=(("Notion-Version", "2022-06-28"),),
        source="Notion API Reference, Versioning",
    ),
    Rule(
        host="api.anthropic.com",
        headers=(("anthropic-version", "2023-06-01"),),
        source="Claude API Docs, Versions",
    ),
    # A namespace may be anybody's; a bind and the paths together are not.
    Rule(
        bind="GITHUB_*",
        paths=_GITHUB_PATHS,
        base_url="https://api.github.com",
        source="GitHub REST API documentation, Getting started",
    ),
    Rule(
        bind="SLACK_*",
        paths=_SLACK_PATHS,
        base_url="https://slack.com/api",
        source="Slack Developer Docs, Using the Slack Web API",
    ),
)
"""The rules that come with nafgen."""
