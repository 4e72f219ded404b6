"""Opens exported files with DuckDB, pandas and LibreOffice, and compares what they read with the manifests.

Each file of the folder has its manifest beside it. Whatever does not agree is printed, and the exit code is 1.
"""

import csv
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas

MONEY = "decimal(38, 18)"
ZERO = Decimal(0)


def expected(manifest):
    """The manifest's totals: (currency, kind) to count, gross, fee, net."""
    return {
        (currency, kind): (sums["count"], *(Decimal(sums[name]) for name in ("gross", "fee", "net")))
        for currency, kinds in manifest["totals"].items()
        for kind, sums in kinds.items()
    }


def added_up(rows):
    """The same, from rows of (currency, kind, count, gross, fee, net)."""
    totals = defaultdict(lambda: (0, ZERO, ZERO, ZERO))
    for currency, kind, *figures in rows:
        figures = (int(figures[0]), *(exact(figure) for figure in figures[1:]))
        totals[(currency, kind)] = tuple(sum(pair) for pair in zip(totals[(currency, kind)], figures))
    return dict(totals)


def exact(figure):
    """What a cell says, as it says it; nothing is nought."""
    if figure is None or figure == "" or figure != figure:
        return ZERO
    return figure if isinstance(figure, Decimal) else Decimal(str(figure))


def figures_of(report):
    count = "count" if report == "daily-summary" else "1"
    return ("currency", "kind", count, "gross", "fee", "net")


def with_duckdb(path, manifest):
    """Rows and totals, as DuckDB adds them up by itself."""
    name = str(path).replace("'", "''")
    source = {
        "csv": f"read_csv('{name}', header = true, all_varchar = true)",
        "parquet": f"'{name}'",
        "ndjson": f"read_ndjson('{name}')",
    }.get(manifest["format"])
    if source is None:
        return None
    connection = duckdb.connect()
    ((rows,),) = connection.sql(f"select count(*) from {source}").fetchall()
    if manifest["format"] == "parquet":
        check_types(connection, source)
    if manifest["report"] == "breaks":
        return rows, {}
    _, _, count, *sums = figures_of(manifest["report"])
    sums = ", ".join(f"coalesce(sum({name}::{MONEY}), 0)" for name in sums)
    query = f'select currency, kind, sum({count}::bigint), {sums} from {source} group by all'
    return rows, added_up(connection.sql(query).fetchall())


def check_types(connection, source):
    """Amounts are decimals, moments have a zone, and days are days."""
    for name, found, *_ in connection.sql(f"describe select * from {source}").fetchall():
        wanted = {
            "gross": "DECIMAL(38,18)",
            "difference": "DECIMAL(38,18)",
            "closing_balance": "DECIMAL(38,18)",
            "posted_at_utc": "TIMESTAMP WITH TIME ZONE",
            "first_seen_at_utc": "TIMESTAMP WITH TIME ZONE",
            "business_date": "DATE",
        }.get(name, found)
        if found != wanted:
            raise ValueError(f"{name} is {found}, and not {wanted}")


def with_pandas(path, manifest):
    """Rows and totals, read into a frame of pandas and added up exactly."""
    form = manifest["format"]
    if form == "csv":
        frame = pandas.read_csv(path, dtype=str, keep_default_na=False)
    elif form == "parquet":
        frame = pandas.read_parquet(path)
    elif form == "ndjson":
        frame = pandas.read_json(path, lines=True, dtype=False)
    else:
        frame = sheets_of(path, manifest)
    if manifest["report"] == "breaks" or frame.empty:
        return len(frame), {}
    names = figures_of(manifest["report"])
    columns = [frame[name] if name in frame else [1] * len(frame) for name in names]
    return len(frame), added_up(zip(*columns))


def sheets_of(path, manifest):
    """The rows of a workbook, however many sheets they take."""
    sheets = pandas.read_excel(path, sheet_name=None, keep_default_na=False)
    report = manifest["report"]
    frame = pandas.concat([sheet for name, sheet in sheets.items() if name.split(" ")[0] == report])
    if report == "transactions":
        is_day = pandas.api.types.is_datetime64_any_dtype(frame["business_date"])
        if len(frame) and not (is_day and pandas.api.types.is_datetime64_any_dtype(frame["posted_at_utc"])):
            raise ValueError("days and moments are no such cells")
    told = dict(pandas.read_excel(path, sheet_name="control", header=None, dtype=str).values)
    if (told["export"], told["rows"]) != (manifest["exportId"], str(manifest["rows"])):
        raise ValueError(f"the control sheet is of another file: {told}")
    return frame


def with_libreoffice(path, manifest):
    """Rows and totals of a workbook, turned into text by LibreOffice: every sheet, every cell in full."""
    if manifest["format"] != "xlsx" or manifest["report"] != "transactions":
        return None
    with tempfile.TemporaryDirectory() as folder:
        # Commas, quotes, UTF-8, from the first row, cells as they are and not as they are shown, all sheets.
        form = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1"
        command = ["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", form]
        subprocess.run([*command, "--outdir", folder, str(path)], check=True, capture_output=True, timeout=1800)
        rows = []
        for sheet in sorted(Path(folder).glob(f"{path.stem}-{manifest['report']}*.csv")):
            with sheet.open(newline="", encoding="utf-8") as file:
                rows.extend(csv.DictReader(file))
    names = figures_of(manifest["report"])
    return len(rows), added_up([[row.get(name, 1) for name in names] for row in rows])


def rolls_forward(path):
    """Whether each opening balance is the closing balance before it, in a daily summary as CSV."""
    closings = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            account = (row["shop"], row["currency"], row["kind"])
            if closings.setdefault(account, row["opening_balance"]) != row["opening_balance"]:
                return False
            closings[account] = row["closing_balance"]
    return True


def main(folder):
    tools = {"DuckDB": with_duckdb, "pandas": with_pandas}
    if shutil.which("soffice"):
        tools["LibreOffice"] = with_libreoffice
    opened, wrong = defaultdict(int), []
    for beside in sorted(folder.glob("*.manifest.json")):
        path, manifest = beside.with_name(beside.name.removesuffix(".manifest.json")), json.loads(beside.read_text())
        if hashlib.sha256(path.read_bytes()).hexdigest() != manifest["sha256"]:
            wrong.append(f"{path.name}: it is not the file of its manifest")
        if manifest["report"] == "daily-summary" and manifest["format"] == "csv" and not rolls_forward(path):
            wrong.append(f"{path.name}: a day does not open where the one before has closed")
        for tool, reader in tools.items():
            try:
                read = reader(path, manifest)
            except Exception as error:
                read, wrong = (), [*wrong, f"{path.name}: {tool} cannot open it: {error!r}"]
            if read is None or read == ():
                continue
            opened[tool] += 1
            if read != (manifest["rows"], expected(manifest)):
                wrong.append(f"{path.name}: {tool} reads {read}, the manifest says {expected(manifest)}")
    print("\n".join(wrong), end="\n" if wrong else "")
    for tool, files in opened.items():
        print(f"{files} files opened with {tool}{'' if wrong else ': rows and totals are those of the manifests'}")
    if "LibreOffice" not in tools:
        print("NOT opened with LibreOffice, which is not on this machine")
    if not opened:
        wrong.append("there are no files")
        print("there are no files in", folder)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
