"""What all tests stand on."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a shell without job control: the programs under test would ignore it, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
