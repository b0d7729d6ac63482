"""``likewise rules``, against a running server and straight on a data folder."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import likewise
from likewise_server.cli.app import app
from likewise_server.cli.rule_words import condition_of, spoken
from likewise_server.lifecycle import Server

RUNNER = CliRunner(env={"COLUMNS": "160"})


def run(command: str, *arguments: str, server: Server) -> Result:
    """The outcome of a command of ``likewise rules`` on the café."""
    return RUNNER.invoke(app, ["rules", command, "cafe", *arguments, "--server", server.address])


@pytest.mark.parametrize(
    "words",
    [
        "payee contains tesco stores",
        "payee equals a | b c",
        "text matches ^uber (trip | eats)$",
        "amount within -50.25..-10 EUR",
        "amount within ..-10",
        "amount within 5..",
        "direction equals out",
        "field:voucher equals V-17",
        "day_of_month equals 1 | 15",
    ],
)
def test_conditions_are_spoken_as_they_are_read(words: str) -> None:
    assert spoken(condition_of(words)) == words


@pytest.mark.parametrize(
    "words",
    [
        "",
        "payee",
        "payee contains",
        "moon equals 3",
        "payee is x",
        "amount within 3",
        "amount within 1.2.3..x",
    ],
)
def test_words_that_say_nothing_are_refused(words: str) -> None:
    with pytest.raises(ValueError, match="is no condition"):
        condition_of(words)


@pytest.mark.usefixtures("cafe")
def test_a_rule_is_tried_added_and_decides(client: likewise.Client, server: Server) -> None:
    words = ["--if", "payee contains caffe", "--if", "amount within ..-80", "--label", "milk"]
    tried = run("try", *words, server=server)
    assert tried.exit_code == 0, tried.output
    assert "2 of 5 transactions are as it says" in tried.stdout
    assert "A person had it otherwise" in tried.stdout
    assert not list(client.rules.list("cafe"))
    added = run("add", *words, "--id", "r1", "--name", "[b]Beans[/b]", server=server)
    assert added.exit_code == 0, added.output
    assert "[b]Beans[/b]" in added.stdout
    assert "payee contains caffe" in added.stdout
    asked = likewise.transaction(payee="CAFFE X", amount="-90", currency="GBP")
    answer = client.classify("cafe", asked).answers[0]
    assert (answer.witness, answer.rule.id) == (likewise.Witness.WITNESS_RULE, "r1")
    listed = run("list", server=server)
    assert "0 of 2" in listed.stdout
    again = run("try", "r1", "--label", "coffee", "--json", server=server)
    assert json.loads(again.stdout)["trials"][0]["right"] == "2"


@pytest.mark.usefixtures("cafe")
def test_a_rule_is_shown_edited_switched_and_removed(client: likewise.Client, server: Server) -> None:
    run("add", "--if", "payee contains tesco", "--label", "milk", "--id", "r1", server=server)
    assert json.loads(run("show", "r1", "--json", server=server).stdout)["id"] == "r1"
    edited = run("edit", "r1", "--priority", "7", "--if", "payee equals x | y", server=server)
    assert "payee equals x | y" in edited.stdout
    assert "priority 7" in edited.stdout
    assert run("edit", "r1", server=server).exit_code == 2
    assert "not applied" in run("disable", "r1", server=server).stdout
    assert not client.rules.get("cafe", "r1").active
    assert "not applied" in run("show", "r1", server=server).stdout
    run("enable", "r1", server=server)
    assert client.rules.get("cafe", "r1").active
    assert run("remove", "r1", server=server).exit_code == 2
    assert run("remove", "r1", "--yes", server=server).exit_code == 0
    gone = run("show", "r1", server=server)
    assert (gone.exit_code, "there is no rule 'r1'" in gone.stderr) == (1, True)
    assert "There are no rules" in run("list", server=server).stdout


@pytest.mark.usefixtures("cafe")
def test_what_is_wrong_is_told(server: Server) -> None:
    for wrong, said in (
        (["--if", "payee matches a(", "--label", "milk"], "missing )"),
        (["--if", "payee matches a{5,2}", "--label", "milk"], "invalid repetition size"),
        (["--if", "payee equals x", "--label", "nowhere"], "add it first"),
        (["--if", "payee equals x", "--label", "MILK"], "did you mean 'milk'?"),
        (["--if", "colour equals red", "--label", "milk"], "there are text, payee, description"),
        (["--if", "payee resembles red", "--label", "milk"], "there are equals, contains, matches, within"),
        (["--if", "payee equals x"], "labels"),
        (["--if", "moon", "--label", "milk"], "is no condition"),
    ):
        failed = run("add", *wrong, server=server)
        assert failed.exit_code in (1, 2)
        assert said in failed.stderr
    assert run("try", server=server).exit_code == 2


@pytest.mark.usefixtures("cafe")
def test_rules_go_to_a_file_and_come_back(client: likewise.Client, server: Server, tmp_path: Path) -> None:
    run("add", "--if", "payee contains tesco", "--label", "milk", "--id", "r1", server=server)
    run("add", "--if", "amount within -5..5 GBP", "--label", "energy", "--priority", "3", server=server)
    before = list(client.rules.list("cafe"))
    file = tmp_path / "rules.json"
    assert run("export", str(file), server=server).stdout.startswith("Wrote 2 rules")
    for rule in before:
        client.rules.delete("cafe", rule.id)
    assert run("import", str(file), server=server).stdout == "2 added, 0 left as they are.\n"
    after = list(client.rules.list("cafe"))
    for rule in (*before, *after):
        rule.ClearField("create_time")
    assert after == before
    assert run("import", str(file), server=server).stdout == "0 added, 2 left as they are.\n"
    assert (
        run("import", str(file), "--replace", server=server).stdout
        == "0 added, 2 replaced, 0 left as they are.\n"
    )
    file.write_text('{"id": 3}')
    broken = run("import", str(file), server=server)
    assert (broken.exit_code, "no file of rules" in broken.stderr) == (2, True)


@pytest.mark.usefixtures("cafe")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is no file of rules"),
        (b"\xff\xfe\x00", "is not text in UTF-8"),
        (b"{}", "it is no JSON list"),
        (b"[5]", "rules[0] is no JSON object"),
        (b'[{}, {"conditions": [{"field": "RULE_FIELD_MOON"}]}]', "rules[1]: "),
        (b'[{"bogus": 1}]', 'rules[0]: Message type "likewise.v1.Rule" has no field named "bogus"'),
        (b"[" * 100_000, "it is no file of rules"),
    ],
)
def test_a_file_that_holds_no_rules_says_where(
    client: likewise.Client, server: Server, tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "rules.json"
    file.write_bytes(content)
    broken = run("import", str(file), server=server)
    assert broken.exit_code == 2
    assert said in broken.stderr
    assert "Available Fields" not in broken.stderr
    assert not list(client.rules.list("cafe"))


def test_suggestions_on_a_data_folder_become_rules_only_by_import(
    client: likewise.Client, server: Server, data_folder: Path, tmp_path: Path
) -> None:
    client.create_tenant(likewise.Tenant(id="cafe"))
    client.learn(
        "cafe",
        [likewise.labelled(likewise.transaction(id=f"{n}", payee="Castle Rent"), "rent") for n in range(40)],
    )
    server.stop()
    file = tmp_path / "suggested.json"
    arguments = ["cafe", "--data", str(data_folder)]
    suggested = RUNNER.invoke(app, ["rules", "suggest", *arguments, "--out", str(file)])
    assert suggested.exit_code == 0, suggested.output
    assert "payee equals castle rent" in suggested.stdout
    assert "28 of 28" in suggested.stdout
    assert "Wrote 1 suggestions to" in suggested.stdout
    assert "There are no rules" in RUNNER.invoke(app, ["rules", "list", *arguments]).stdout
    imported = RUNNER.invoke(app, ["rules", "import", "cafe", str(file), "--data", str(data_folder)])
    assert imported.stdout == "1 added, 0 left as they are.\n"
    again = RUNNER.invoke(app, ["rules", "import", "cafe", str(file), "--data", str(data_folder)])
    assert again.stdout == "0 added, 1 left as they are.\n"
    assert "Nothing in the history" in RUNNER.invoke(app, ["rules", "suggest", *arguments]).stdout
