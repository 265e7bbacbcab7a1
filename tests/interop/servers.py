"""Debian's own postfix and exim, each from a folder of the test's own.

They listen on a high port of the loopback, keep what they accept (or throw it away) and
deliver nothing anywhere; the system's configuration is not read.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

ROOT = Path(__file__).resolve().parents[2]
TIED = (sys.executable, "-I", "-S", str(ROOT / "src/pochtar/ops/tied.py"))
HOST = "127.0.0.1"
START_SECONDS = 60
SIZE_LIMIT = 100_000
USER, PASSWORD = "news", "secret word"
REFUSED = "nobody@mail.example"
OLD_FASHIONED = "old.lavka.example"  # who greets like this is offered CRAM-MD5 alone

POSTFIX_DAEMONS = Path("/usr/lib/postfix/sbin")
# Unpacked there by .ci/run, because the packages of the two exclude each other.
UNPACKED = ROOT / "var" / "exim"

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {home}/spool
data_directory = {home}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {home}/log
maillog_file_prefixes = {home}
myhostname = mx.interop.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
default_transport = discard:
relay_transport = discard:
local_transport = discard:
message_size_limit = {limit}
smtpd_tls_security_level = may
smtpd_tls_chain_files = {home}/tls.pem
smtpd_recipient_restrictions =
  check_recipient_access inline:{{ {{ {refused} = 550 5.1.1 no such user }} }},
  check_client_access static:{{HOLD as in a test}}, permit_mynetworks, reject
"""
MASTER_CF = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
error unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""
EXIM_CONF = """\
exim_user = {user}
exim_group = {group}
spool_directory = {home}/spool
log_file_path = {home}/log-%slog
pid_file_path = {home}/pid
primary_hostname = mx.interop.example
keep_environment =
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
message_size_limit = {limit}
tls_advertise_hosts = *
tls_certificate = {home}/tls.pem
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
pipelining_advertise_hosts = *
queue_only = true
acl_smtp_mail = acl_mail
acl_smtp_rcpt = acl_rcpt

begin acl
acl_mail:
  require message = 530 5.7.0 log in first
          authenticated = *
  accept
acl_rcpt:
  deny message = 550 5.1.1 no such user
       recipients = {refused}
  accept

begin routers
nowhere:
  driver = redirect
  data = :blackhole:

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_advertise_condition = ${{if eq{{$sender_helo_name}}{{{old}}}{{no}}{{yes}}}}
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{login}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_advertise_condition = ${{if eq{{$sender_helo_name}}{{{old}}}{{no}}{{yes}}}}
  server_prompts = <| Username: | Password:
  server_condition = ${{if and{{{{eq{{$auth1}}{{{login}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{if eq{{$auth1}}{{{login}}}{{{password}}}fail}}
  server_set_id = $auth1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server, and where it keeps what it has taken."""

    port: int
    home: Path
    kept: str  # glob below home, {id} is the queue id

    def letter(self, queue_id: str) -> str:
        """Return the stored bytes of a letter, as text."""
        [file] = self.home.glob(self.kept.format(id=queue_id))
        return file.read_bytes().decode("latin-1")

    def letters(self) -> list[str]:
        """Return all that it has taken."""
        files = self.home.glob(self.kept.format(id="*"))
        return [file.read_bytes().decode("latin-1") for file in files]


@contextmanager
def home_anybody_can_enter() -> Iterator[Path]:
    """Make a folder that a server's own user can reach."""
    home = Path(tempfile.mkdtemp(prefix="pochtar-interop-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def write_certificate(authority: trustme.CA, home: Path, owner: str) -> None:
    issued = authority.issue_cert(HOST, "localhost")
    pem = home / "tls.pem"
    parts = [issued.private_key_pem, *issued.cert_chain_pems]
    pem.write_bytes(b"".join(part.bytes() for part in parts))
    pem.chmod(0o600)
    shutil.chown(pem, owner)


@contextmanager
def serving(
    command: list[str], port: int, log: Path, more: dict[str, str]
) -> Iterator[None]:
    """Run a server in the foreground until the block ends."""
    with log.open("ab") as file:
        process = subprocess.Popen(
            [*TIED, str(os.getpid()), *command],
            env=os.environ | more,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    try:
        _wait_for_greeting(port, process, log)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for_greeting(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            with socket.create_connection((HOST, port), 5) as peer:
                if peer.recv(3) == b"220":
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"no greeting: {log.read_text()[-2000:]}")


@contextmanager
def running_postfix(authority: trustme.CA) -> Iterator[Server]:
    """Run postfix; what it accepts stays in its hold queue."""
    if os.geteuid() != 0 or not (POSTFIX_DAEMONS / "master").exists():
        pytest.skip("postfix: not installed here, or we are not root")
    port = free_port()
    with home_anybody_can_enter() as home:
        write_certificate(authority, home, "root")
        values = {"home": home, "port": port, "limit": SIZE_LIMIT, "refused": REFUSED}
        (home / "main.cf").write_text(MAIN_CF.format(**values))
        (home / "master.cf").write_text(MASTER_CF.format(**values))
        for name in ("spool", "data"):
            (home / name).mkdir()
        shutil.chown(home / "data", "postfix")
        subprocess.run(["postfix", "-c", home, "check"], check=True)
        command = [str(POSTFIX_DAEMONS / "master"), "-c", str(home), "-d"]
        with serving(command, port, home / "console", {}):
            yield Server(port=port, home=home, kept="spool/hold/{id}")


@contextmanager
def running_exim(authority: trustme.CA) -> Iterator[Server]:
    """Run exim; what it accepts stays in its queue. A login is wanted."""
    program, libraries = _find_exim()
    if program is None:
        pytest.skip("exim: not installed here, nor unpacked in var/exim")
    try:
        account = pwd.getpwnam("Debian-exim")
    except KeyError:
        pytest.skip("exim: there is no user Debian-exim")
    if os.geteuid() != 0:
        pytest.skip("exim: we are not root")
    port = free_port()
    with home_anybody_can_enter() as home:
        write_certificate(authority, home, "Debian-exim")
        values = {"home": home, "port": port, "limit": SIZE_LIMIT, "refused": REFUSED}
        values |= {"login": USER, "password": PASSWORD, "old": OLD_FASHIONED}
        values |= {"user": account.pw_uid, "group": account.pw_gid}
        configuration = home / "exim.conf"
        configuration.write_text(EXIM_CONF.format(**values))
        os.chown(home, account.pw_uid, account.pw_gid)
        command = [str(program), "-C", str(configuration), "-bdf"]
        more = {"LD_LIBRARY_PATH": str(libraries)} if libraries else {}
        with serving(command, port, home / "console", more):
            yield Server(port=port, home=home, kept="spool/input/**/{id}-D")


def _find_exim() -> tuple[Path | None, Path | None]:
    """Return exim, and the folder of its libraries if it is only unpacked."""
    unpacked = UNPACKED / "usr/sbin/exim4"
    if unpacked.exists():
        return unpacked, next((UNPACKED / "usr/lib").glob("*-linux-gnu"), None)
    for name in ("/usr/sbin/exim4", "/usr/sbin/exim"):
        if Path(name).exists():
            return Path(name), None
    return None, None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
