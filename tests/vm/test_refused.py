# SPDX-License-Identifier: GPL-2.0-or-later
"""In a kernel that is too old: fairleadd says what is missing, and nothing else."""
import json
import os
import re
import subprocess

BUILD = os.environ["FL_BUILD"]


def test_one_sentence(tmp_path):
    """One line that names the feature and the version that has it; exit 1; nothing in bpffs."""
    config = tmp_path / "fairlead.yaml"
    config.write_text("interfaces: [lo]\n")
    r = subprocess.run([f"{BUILD}/fairleadd", "-c", config, "-f"], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, timeout=30, check=False)
    assert r.returncode == 1
    assert re.fullmatch(rf"\S+ error: this kernel \({re.escape(os.uname().release)}\) lacks timers "
                        r"in BPF programs \(bpf_timer_init\), which Linux has had since 5\.15: .*\n",
                        r.stdout)
    assert not os.path.exists("/sys/fs/bpf/fairlead")


def test_doctor(tmp_path):
    """fairlead doctor names each feature that is missing, those that are there, and ends with 2."""
    config = tmp_path / "fairlead.yaml"
    config.write_text("interfaces: [lo]\n")
    r = subprocess.run([f"{BUILD}/fairlead", "doctor", "--json", "-c", config], stdout=subprocess.PIPE,
                       text=True, timeout=30, check=False)
    kernel = [f for f in json.loads(r.stdout)["findings"] if f["check"] == "kernel"]
    missing = [re.search(r"lacks (.*), which Linux has had since ([\d.]*):", f["text"]).groups()
               for f in kernel if f["level"] == "error"]
    assert r.returncode == 2
    assert missing == [("timers in BPF programs (bpf_timer_init)", "5.15"),
                       ("the coarse clock in BPF programs (bpf_ktime_get_coarse_ns)", "5.11")]
    assert any("links that hold an XDP program" in f["text"] for f in kernel if f["level"] == "ok")
