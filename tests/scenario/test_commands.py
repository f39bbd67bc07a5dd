# SPDX-License-Identifier: Apache-2.0
"""Commands that need no daemon: words, help, completion, scripts with their exact output."""
import json
import os
import pty
import subprocess

import pytest

import device as devices

COMMANDS = ["run", "check", "apply", "diff", "serve", "status", "logs", "doctor", "open", "join", "leave", "demo", "train text", "new workflow", "new agent", "schema", "version", "help", "completion", "agent list",
            "agent show", "agent run", "model inspect", "model optimize", "model report", "model bench", "model quantize",
            "model distill", "model prune", "model float16", "model fold", "model bind", "model upgrade", "model compile", "workflow list", "workflow show", "workflow start", "workflow stop",
            "workflow rm", "param show", "config show", "secret set", "secret list", "secret rm", "result list", "result save", "result show",
            "event list", "event show", "event post", "runs list", "runs show", "runs resume",
            "sync status", "sync now", "sync pause", "sync resume",
            "queue list", "queue stat", "queue export", "queue peek",
            "hub serve", "hub status", "hub doctor", "hub query", "hub revoke", "hub backup", "hub restore", "hub token new", "hub token list", "hub token rm", "hub device list",
            "hub device show", "hub device label", "hub device replace", "hub device rm", "hub alarm list",
            "hub result list", "hub result show", "hub result export", "hub result save", "hub workflow list", "hub workflow show", "hub person new", "hub person list",
            "hub person change", "hub person rm", "hub audit list", "hub access new", "hub access list", "hub access rm", "hub queue import"]
SCRIPTS = sorted((devices.ROOT / "src" / "cli").glob("cmd_*.sh"))


def test_the_table_has_these_commands(ebb):
    listed = [line["command"] for line in ebb("help", "--json").lines()]
    assert listed == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_a_sentence_options_and_an_example(ebb, command):
    for words in ([*command.split(), "--help"], ["help", *command.split()]):
        answer = ebb(*words)
        assert answer.code == 0 and answer.err == "", answer
        assert answer.out.startswith(f"ebb {command}")
        assert "\nOptions\n" in answer.out and "--json" in answer.out
        example = answer.out.split("\nExample\n")[1]
        assert f"ebb {command}" in example
        assert all(len(line) <= 100 for line in answer.out.splitlines()), answer


def test_a_mistyped_word_never_starts_anything(ebb, tmp_path):
    cases = {
        "rnu": "did you mean `ebb run`?",
        "serv": "did you mean `ebb serve`?",
        "agents": "did you mean `ebb agent`?",
        "agent lsit": "did you mean `ebb agent list`?",
        "provision": "not in this version of ebb",
        "join EBB1-AAAA": "mistyped",
        "package list": "not in this version of ebb",
        "qwertz": "`ebb help` lists them",
        "agent": "list, show or run",
        "serve --dtaa x": "did you mean --data?",
        "status extra": "one too many",
    }
    for words, sentence in cases.items():
        answer = ebb(*words.split(), folder=tmp_path)
        assert answer.code == 2, (words, answer)
        assert sentence in answer.err and answer.out == "", (words, answer)
    assert os.listdir(tmp_path) == []


def test_version(ebb):
    answer = ebb("version")
    assert (answer.code, answer.out, answer.err) == (0, "ebb 0.1.0\n", "")
    assert ebb("--version").out == "ebb 0.1.0\n"
    assert json.loads(ebb("version", "--json").out)["version"] == "0.1.0"


def test_an_answer_that_cannot_be_written_is_no_success():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([devices.EBB, "help"], stdout=full, stderr=subprocess.PIPE, timeout=20,
                              env=devices.clean_environment(), check=False)
    assert done.returncode == 1 and b"could not be written" in done.stderr


def on_terminal(words, environment=None):
    """What a command writes when both outputs are a terminal."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen([str(devices.EBB), *map(str, words)], stdin=subprocess.DEVNULL, stdout=theirs,
                             stderr=theirs, env=devices.clean_environment(environment),
                             start_new_session=True)
    os.close(theirs)
    said = b""
    try:
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:
                break
            if not part:
                break
            said += part
        child.wait(devices.PATIENCE)
    finally:
        devices.kill_group(child)
        child.wait()
        os.close(ours)
    return said.decode()


def test_colours_on_a_terminal_alone_and_not_under_no_color():
    words = ["check", "/no/such/file"]
    assert "\033[31m" in on_terminal(["rnu"], {"TERM": "xterm"})
    assert "\033" not in on_terminal(["rnu"], {"TERM": "xterm", "NO_COLOR": "1"})
    assert "\033" not in on_terminal(["rnu"], {"TERM": "dumb"})
    assert "\033" not in devices.ebb(*words).err


def test_completion_knows_words_verbs_and_options():
    script = devices.ebb("completion", "bash").out

    def complete(*words):
        program = script + "\nCOMP_WORDS=(" + " ".join(f"'{word}'" for word in words) + ")\n" \
            f"COMP_CWORD={len(words) - 1}\n_ebb\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
        done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, timeout=20, check=True)
        return done.stdout.split()

    assert complete("ebb", "ru") == ["run", "runs"]
    assert complete("ebb", "agent", "") == ["list", "show", "run"]
    assert complete("ebb", "train", "t") == ["text"]
    assert complete("ebb", "run", "--tr") == ["--trace"]
    assert complete("ebb", "result", "list", "--la") == ["--lane"]
    assert complete("ebb", "result", "list", "--lane", "x", "--li") == ["--limit"]


def test_completion_for_another_shell_is_refused(ebb):
    assert ebb("completion", "tcsh").code == 2


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_prints_exactly_what_stands_beside_it(script, tmp_path):
    environment = devices.clean_environment({"EBB": str(devices.EBB), "ROOT": str(devices.ROOT)})
    done = subprocess.run(["sh", "-eu", script], capture_output=True, text=True, timeout=60, cwd=tmp_path,
                          env=environment, check=False)
    wanted = script.with_suffix(".stdout").read_text()
    assert done.stdout.replace(str(devices.ROOT), "ROOT") == wanted, done.stderr


# --- train text -------------------------------------------------------------------------------------

def corpus(folder, count=40):
    for label, words in (("ham", "meeting tomorrow about the project report"),
                         ("spam", "win money now click this free prize")):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            (folder / label / f"{number}.eml").write_text(
                f"Subject: {words.split()[number % 5]}\n\n{words} {number} {words.split()[number % 6]}\n")


def test_train_text_makes_a_model_that_an_agent_can_use(ebb, device, tmp_path):
    corpus(tmp_path / "mails")
    folder = device.agent("spam-lite", "ebb: 1\nagent: spam-lite\nversion: 1.0.0\nkind: text\n"
                                       "inputs:\n  text: string\n"
                                       "outputs:\n  label: string\n  score: number\n"
                                       "model: { file: spam.ebtm }\n")
    answer = ebb("train", "text", tmp_path / "mails", "--out", folder / "spam.ebtm")
    assert answer.code == 0, answer
    assert answer.out.splitlines()[0].split() == ["LABEL", "TEXTS", "PRECISION", "RECALL"]
    assert "of 80 texts right" in answer.out
    first = (folder / "spam.ebtm").read_bytes()
    assert len(first) <= 256 * 1024
    answer = ebb("agent", "run", "spam-lite", "--agents", device.agents, "--with",
                 '{"text":"win a free prize now"}')
    assert answer.code == 0, answer
    assert json.loads(answer.out)["label"] == "spam"
    answer = ebb("train", "text", tmp_path / "mails", "--out", folder / "spam.ebtm", "--json")
    assert json.loads(answer.out)["texts"] == 80


def test_train_text_says_what_is_wrong(ebb, tmp_path):
    assert ebb("train", "text", tmp_path / "none").code == 3
    (tmp_path / "empty").mkdir()
    answer = ebb("train", "text", tmp_path / "empty")
    assert answer.code == 2 and answer.err.count("\n") == 1, answer
    corpus(tmp_path / "mails")
    answer = ebb("train", "text", tmp_path / "mails", "--size", "3", "--out", tmp_path / "m")
    assert answer.code == 2 and "250KiB" in answer.err, answer
    answer = ebb("train", "text", tmp_path / "mails", "--dry-run", "--out", tmp_path / "m")
    assert answer.code == 0 and not (tmp_path / "m").exists(), answer


def test_progress_stands_on_a_terminal_alone(tmp_path):
    corpus(tmp_path / "mails", 200)
    words = ["train", "text", tmp_path / "mails", "--out", tmp_path / "m"]
    assert "training [" in on_terminal(words, {"TERM": "xterm"})
    assert "training [" not in on_terminal(words, {"TERM": "xterm", "NO_COLOR": "1"})
    assert devices.ebb(*words).err == ""
