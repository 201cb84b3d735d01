"""How to get at S3: the variables and files of profiles that AWS's own tools read, the same for every library here."""

from __future__ import annotations

import configparser
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fairpay.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Amazon"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amazon:
    """How to get at S3: from the variables and files that AWS's own tools read, the same for both libraries."""

    key: str | None
    secret: str | None = field(repr=False)
    token: str | None = field(repr=False)
    region: str
    endpoint: str
    unsigned: bool

    @classmethod
    def of_environment(cls) -> Amazon:
        """Read the variables; where they hold no key, the profile.

        Raises:
            UsageError: the profile that AWS_PROFILE names is nowhere.

        """
        told = os.environ
        profile = profile_of(told)
        keys = told if told.get("AWS_ACCESS_KEY_ID") else {k.upper(): v for k, v in profile.items()}
        endpoint = told.get("AWS_ENDPOINT_URL_S3") or told.get("AWS_ENDPOINT_URL") or profile.get("endpoint_url", "")
        return cls(
            key=keys.get("AWS_ACCESS_KEY_ID"),
            secret=keys.get("AWS_SECRET_ACCESS_KEY"),
            token=keys.get("AWS_SESSION_TOKEN") or None,
            region=told.get("AWS_REGION") or told.get("AWS_DEFAULT_REGION") or profile.get("region", ""),
            endpoint=endpoint,
            unsigned=told.get("AWS_SKIP_SIGNATURE", "").lower() in {"1", "true", "yes"},
        )

    def for_polars(self) -> dict[str, str]:
        """Say the same in the words of Polars."""
        said = {
            "aws_access_key_id": self.key,
            "aws_secret_access_key": self.secret,
            "aws_session_token": self.token,
            "aws_region": self.region or ("us-east-1" if self.endpoint else ""),
            "aws_endpoint_url": self.endpoint,
            "aws_allow_http": "true" if self.endpoint.startswith("http://") else "",
            "aws_skip_signature": "true" if self.unsigned else "",
        }
        return {name: value for name, value in said.items() if value}


def profile_of(told: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the profile in use.

    Raises:
        UsageError: it was named, and is nowhere.

    """
    name = told.get("AWS_PROFILE", "")
    home = Path("~/.aws").expanduser()
    places = (
        (
            told.get("AWS_CONFIG_FILE") or home / "config",
            f"profile {name}" if name not in {"", "default"} else "default",
        ),
        (told.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials", name or "default"),
    )
    found: dict[str, str] = {}
    there = False
    for path, section in places:
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            message = f"{path}: this is not a file of AWS profiles"
            raise UsageError(
                message, advice="Put it right, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            ) from error
        if parser.has_section(section):
            there = True
            found.update(parser.items(section))
    if name and not there:
        message = f"AWS_PROFILE: there is no profile {name}"
        raise UsageError(message, advice="The profiles stand in ~/.aws/config and ~/.aws/credentials.")
    return found
