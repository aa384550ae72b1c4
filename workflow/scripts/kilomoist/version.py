"""The version of the software, and the day of its release: `docs/release.md`."""

VERSION = "0.2.0"
RELEASED = "2026-11-29"
