"""A report shows names as they are, whatever they hold."""

from pathlib import Path

from tumorscope.evaluation.document import Document, Picture
from tumorscope.evaluation.tables import Table


def test_names_of_sets_cannot_write_markdown() -> None:
    table = Table("set <b>*x*</b> | y", ("a", "b"), (("1", "2"),))
    picture = Picture(Path("a.png"), "title", "of <i>set</i>")
    text = Document("evaluate", "title", "words", [table], [picture]).to_markdown()
    assert "## set &lt;b>\\*x\\*&lt;/b> \\| y" in text
    assert "![of &lt;i>set&lt;/i>](a.png)" in text
