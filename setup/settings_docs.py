"""Write .env.example and the table in setup/configuration.md from `Settings`.

python -m setup.settings_docs
"""

from pathlib import Path

from vehicle_price.settings import documented

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->\n"


def env_example() -> str:
    """The content of .env.example: every setting with its default, commented out."""
    header = "# Copy to .env and remove the # before what you change. The defaults are shown.\n"
    return header + "".join(
        f"\n# {help_}\n#{name}={default}\n" for name, default, help_ in documented()
    )


def table() -> str:
    """The settings as a Markdown table."""
    rows = [
        f"| `{name}` | {f'`{default}`' if default else ''} | {help_} |\n"
        for name, default, help_ in documented()
    ]
    return "| variable | default | meaning |\n|---|---|---|\n" + "".join(rows)


def main() -> None:
    """Write both files."""
    (ROOT / ".env.example").write_text(env_example(), encoding="utf-8")
    page = ROOT / "setup" / "configuration.md"
    before_table, _, from_table = page.read_text(encoding="utf-8").partition(BEGIN)
    after_table = from_table.partition(END)[2]
    page.write_text(f"{before_table}{BEGIN}{table()}{END}{after_table}", encoding="utf-8")


if __name__ == "__main__":
    main()
