"""Nothing starts on the half of a restore."""

from setup.runtime import interrupted


def test_an_interrupted_restore_is_named_with_the_way_out(tmp_path):
    environ = {"LOCAL_DIR": str(tmp_path), "ENV_FILE": str(tmp_path / ".env")}
    assert interrupted.problem(environ) == ""
    mark = interrupted.restore_mark(environ)
    mark.write_text("s3://bucket/backups/20261130T030000Z", "utf-8")
    reason = interrupted.problem(environ)
    for words in (str(mark), "s3://bucket/backups/20261130T030000Z", "make restore"):
        assert words in reason
