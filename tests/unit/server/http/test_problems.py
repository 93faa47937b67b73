"""How refusals are worded for those who read them."""

from __future__ import annotations

import pytest

from steelyard.server.http.problems import problem_response


@pytest.mark.parametrize(
    ("path", "scheme"), [("/api/v1/me", "Bearer"), ("/graphql", "Basic"), ("/files/a/b/c", "Basic")]
)
def test_a_page_is_never_answered_with_a_challenge_that_browsers_ask_a_password_for(
    path: str, scheme: str
) -> None:
    refusal = problem_response(path, status=401, code="unauthenticated", detail="sign in")
    assert refusal.headers["WWW-Authenticate"] == f'{scheme} realm="Steelyard"'
