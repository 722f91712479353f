"""The seed of Japanese holidays, made by the library that keeps them: `python -m
assets.marts.japanese_holidays` writes it anew.
"""

import csv
import io

from assets.marts.manifest import FOLDER

SEED = FOLDER / "seeds" / "holidays.csv"
YEARS = range(2000, 2051)


def lines() -> str:
    """Return the seed: country, day, name in Japanese, name in English."""
    import holidays

    japanese, english = (
        holidays.country_holidays("JP", years=YEARS, language=language)
        for language in ("ja", "en_US")
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["country", "day", "name", "name_en"])
    writer.writerows(
        ["JP", day.isoformat(), japanese[day], english[day]] for day in sorted(japanese)
    )
    return text.getvalue()


if __name__ == "__main__":
    SEED.write_text(lines(), encoding="utf-8")
