"""`python -m upcloud_sdk.simulator`: the simulator for other processes."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from upcloud_sdk.simulator.app import Simulator
from upcloud_sdk.simulator.records.clock import Clock, ManualClock, RealClock, ScaledClock

if TYPE_CHECKING:
    from upcloud_sdk.simulator.guests.machine import VmGuests

_TOKEN, _PASSWORD = "UPCLOUD_SIMULATOR_TOKEN", "UPCLOUD_SIMULATOR_PASSWORD"


def main(argv: list[str] | None = None, *, program: str = "python -m upcloud_sdk.simulator") -> int:
    """Serve until SIGTERM, SIGINT or SIGHUP. Returns the exit status. `--help` shows `program` as the command."""
    args = _arguments(argv, program)
    runs_code = args.guests != "none"
    if runs_code and args.token is None and args.username is None:
        args.token = "ucat_" + secrets.token_urlsafe(24)
        print(f"token {args.token}", flush=True)
    try:
        sim = Simulator(
            clock=_clock(args.clock),
            boot_seconds=args.boot_seconds,
            stop_seconds=args.stop_seconds,
            storage_seconds=args.storage_seconds,
            username=args.username,
            password=args.password,
            token=args.token,
            seed=args.seed,
            guests=_vm_guests(args) if args.guests == "vm" else args.guests,
            total_count=args.total_count,
            server_errors=args.server_errors,
            discontinued_plans=args.discontinued_plans,
        )
    except (ValueError, RuntimeError) as error:
        return _refuse(str(error))
    for address, file in args.download:
        try:
            sim.downloads[address] = file.read_bytes()
        except OSError as error:
            return _refuse(f"--download: {file} cannot be read: {error.strerror}")
    with sim:
        return _run(sim, args)


def _run(sim: Simulator, args: argparse.Namespace) -> int:
    if args.state is not None and not _opened(sim, args.state):
        return 2
    over = _end_signal()
    try:
        with sim.serve(args.host, args.port, hosts=args.allowed_host) as url:
            print(f"listening on {url}", flush=True)
            while not over.wait(0.5):
                pass
    except ImportError as error:
        return _refuse(str(error))
    except OSError as error:
        reason = error.strerror or str(error)
        return _refuse(f"cannot listen on {args.host}:{args.port}: {reason}; give another --port (0: any free one)")
    return 0 if args.state is None or _saved(sim, args.state) else 2


def _end_signal() -> threading.Event:
    """Set by the signals that end the simulator."""
    over = threading.Event()

    def stop(_number: int, _frame: object) -> None:
        over.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
        signal.signal(signal.SIGHUP, stop)
    return over


def _opened(sim: Simulator, path: Path) -> bool:
    """Load the account, if there is one, and save it: now, and not when there is something to lose."""
    try:
        if path.exists():
            sim.load(path)
    except (OSError, ValueError) as error:
        _refuse(f"{path} cannot be loaded: {error}; give another file, or remove it")
        return False
    return _saved(sim, path)


def _saved(sim: Simulator, path: Path) -> bool:
    """Save the account. Says on stderr why it cannot be saved."""
    try:
        sim.save(path)
    except OSError as error:
        _refuse(f"the state cannot be saved to {path}: {error.strerror}")
        return False
    return True


def _refuse(reason: str) -> int:
    print(f"upcloud_sdk.simulator: {reason}", file=sys.stderr)
    return 2


class _Parser(argparse.ArgumentParser):
    """Reports errors in one sentence."""

    def error(self, message: str) -> NoReturn:
        self.exit(_refuse(f"{message}; --help shows the arguments"))


def _arguments(argv: list[str] | None, program: str) -> argparse.Namespace:
    parser = _Parser(prog=program, description="An offline UpCloud API on loopback.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another host name by which clients call it, such as the name of a container; can be repeated",
    )
    parser.add_argument("--port", type=_port, default=8080, help="port; 0: any free one (default: %(default)s)")
    parser.add_argument("--boot-seconds", type=_seconds, default=2.0, help="time of a boot (default: %(default)s)")
    parser.add_argument("--stop-seconds", type=_seconds, default=1.0, help="time of a stop (default: %(default)s)")
    parser.add_argument(
        "--storage-seconds", type=_seconds, default=1.0, help="time of a clone or backup (default: %(default)s)"
    )
    parser.add_argument("--clock", default="real", help="real, manual, or a factor such as 10 (default: %(default)s)")
    parser.add_argument("--username", help="with --password: accept only these credentials (default: accept any)")
    # Every user of the machine can read the arguments of a process, but not its environment.
    parser.add_argument(
        "--password", default=os.environ.get(_PASSWORD) or None, help=f"better in {_PASSWORD}: `ps` shows arguments"
    )
    parser.add_argument(
        "--token",
        default=os.environ.get(_TOKEN) or None,
        help=f"accept only this API token; better in {_TOKEN}: `ps` shows arguments",
    )
    parser.add_argument(
        "--state",
        type=Path,
        help="JSON file to load the account from, and to save it to at the start and the end",
    )
    parser.add_argument("--seed", type=int, help="makes ids and addresses the same in each run")
    parser.add_argument("--total-count", action="store_true", help="send the total of lists in a header")
    parser.add_argument(
        "--server-errors",
        choices=("recorded", "contract"),
        default="recorded",
        help="format of refused server calls: as recorded, or as in UpCloud's contract (default: %(default)s)",
    )
    parser.add_argument(
        "--discontinued-plans",
        choices=("sold", "refused"),
        default="sold",
        help="new servers of plans that UpCloud no longer sells (default: %(default)s)",
    )
    parser.add_argument(
        "--download",
        type=_download,
        action="append",
        default=[],
        metavar="URL=FILE",
        help="content that an import reads from a URL; can be repeated",
    )
    _add_guest_arguments(parser)
    args = parser.parse_args(argv)
    _check_guest_arguments(parser, args)
    if (args.username is None) != (args.password is None):
        parser.error("give both --username and --password")
    if args.state is not None and not args.state.absolute().parent.is_dir():
        parser.error(f"--state: there is no folder {args.state.absolute().parent}")
    return args


def _download(value: str) -> tuple[str, Path]:
    address, equals, file = value.rpartition("=")
    if not equals or not address.startswith(("http://", "https://")) or not file:
        raise argparse.ArgumentTypeError("URL=FILE is expected, such as https://example.com/disk.raw=disk.raw")
    return address, Path(file)


def _add_guest_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--guests",
        choices=("none", "process", "vm"),
        default=None,
        help="RUNS CODE: started servers run their user_data, as processes of this machine or in real machines in "
        "qemu; without credentials, a token is created and printed (default: none)",
    )
    parser.add_argument("--run-user-data", action="store_true", help="the same as --guests process")
    parser.add_argument(
        "--guest-port",
        type=_port,
        action="append",
        help="a loopback port that machines can reach, at 169.254.169.100; can be repeated",
    )
    parser.add_argument("--guest-images", type=Path, help="folder of their images (default: where they are built)")
    parser.add_argument("--guest-memory", type=int, help="maximum memory of a machine in MiB (default: 1024)")
    parser.add_argument("--max-guests", type=int, help="maximum number of machines (default: 2)")


def _check_guest_arguments(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    if args.run_user_data and args.guests not in {None, "process"}:
        parser.error(f"--run-user-data means --guests process: leave it out for --guests {args.guests}")
    args.guests = "process" if args.run_user_data else args.guests or "none"
    for name in ("guest_port", "guest_images", "guest_memory", "max_guests"):
        if getattr(args, name) is not None and args.guests != "vm":
            parser.error(f"--{name.replace('_', '-')} needs --guests vm")


def _vm_guests(args: argparse.Namespace) -> VmGuests:
    from upcloud_sdk.simulator.guests.machine import VmGuests  # noqa: PLC0415 - only if it is used

    given = {"images": args.guest_images, "memory": args.guest_memory, "machines": args.max_guests}
    options = {name: value for name, value in given.items() if value is not None}
    return VmGuests(ports=args.guest_port or (), **options)


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text} is not a port from 0 to 65535")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds, 0 or more")
    return seconds


def _clock(text: str) -> Clock:
    if text == "real":
        return RealClock()
    if text == "manual":
        return ManualClock()
    try:
        return ScaledClock(float(text))
    except ValueError:
        raise ValueError(f'--clock must be "real", "manual" or a factor greater than 0, not "{text}"') from None


if __name__ == "__main__":
    sys.exit(main())
