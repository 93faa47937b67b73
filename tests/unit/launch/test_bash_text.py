"""Words of bash scripts mean what they meant, and shellcheck agrees with how they are spelt."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from steelyard.errors import Invalid
from steelyard.launch.bash_text import join, quote

ODD = "'\"$`\\ ~#!*?[]{}()<>|&;=-\n\t\x85\xa0\u201c\u201d\u2019é\N{GRINNING FACE}\udcff"
words = st.lists(
    st.text(st.sampled_from(ODD) | st.characters(exclude_characters="\0", codec="utf-8")),
    min_size=1,
    max_size=8,
)


@given(words=words)
@example(words=["", "~/x", "-n", "$HOME", "a=b", "it's", "a  b", "\u201cquoted\u201d", "x=~/y"])
@hypothesis_settings(max_examples=60)
def test_bash_reads_a_word_as_it_was_and_shellcheck_is_content(words: list[str]) -> None:
    script = "#!/bin/bash\nexec /usr/bin/printf '%s\\0' -- " + join(tuple(words)) + "\n"
    text = os.fsencode(script)
    done = subprocess.run(["bash"], input=text, capture_output=True, check=True)
    assert done.stdout == b"--\0" + b"".join(os.fsencode(word) + b"\0" for word in words)
    checked = subprocess.run(["shellcheck", "-"], input=text, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout.decode()


def test_plain_words_stay_as_people_write_them() -> None:
    command = ("steelyard", "agent", "--count", "1", "ada/works/x7", "my data/é", "$5")
    spelt = "steelyard agent --count 1 ada/works/x7 $'my data/\\303\\251' \"\\$5\""
    assert join(command) == spelt


def test_a_nul_character_is_refused() -> None:
    with pytest.raises(Invalid, match="NUL"):
        quote("a\0b")
