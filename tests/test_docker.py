"""What can be said of docker/ without Docker; the public CI builds and starts it."""

import re

import yaml
from conftest import ROOT

DOCKER = ROOT / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
SERVICES = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))["services"]


def test_what_the_image_is_built_from_is_there_and_not_ignored():
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    files = " ".join(copied).split()
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert set(files) == {line[1:] for line in ignored if line.startswith("!")}
    assert all((ROOT / file).exists() for file in files)


def test_the_image_installs_extras_that_there_are():
    (extras,) = re.findall(r"^ARG EXTRAS=(.+)$", DOCKERFILE, re.MULTILINE)
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    assert all(f'"{extra}": ' in setup for extra in extras.split(","))


def test_versions_are_fixed_and_nothing_runs_as_root():
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    others = [service["image"] for service in SERVICES.values() if "build" not in service]
    assert len(bases) == 2 and len(others) == 3
    assert all(re.search(r":\S*\d+[.-]\d+[.-]\d+", image) for image in [*bases, *others])
    assert re.search(r"^USER [1-9]", DOCKERFILE, re.MULTILINE)


def test_services_are_watched_and_reached_from_this_machine_alone():
    assert "\nHEALTHCHECK " in DOCKERFILE
    assert all("healthcheck" in own or "build" in own for own in SERVICES.values())
    ports = [port for own in SERVICES.values() for port in own.get("ports", [])]
    assert ports and all(port.startswith("127.0.0.1:") for port in ports)
