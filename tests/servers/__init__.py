"""Tests against real social servers on loopback, which others wrote.

`SLUICE_TEST_SERVERS` names the folder that holds them, one folder each with a `start.sh`. They
take minutes to start, so `make test` leaves these tests out and `make test-servers` runs them.
"""
