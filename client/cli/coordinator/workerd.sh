#!/bin/sh
# Runs workerd ($SCOUR_WORKERD) with all that it listens on in one private folder ($SCOUR_SOCKETS).
#
# Miniflare gives workerd a TCP port for its own entry, which serves development routes to whoever on
# this machine finds it. Here that becomes a UNIX socket, too, in a folder that only this user enters.
set -eu
# Left by a workerd that was killed; it would keep the next one from listening.
rm -f -- "$SCOUR_SOCKETS"/*
for argument do
  shift
  case $argument in
    --socket-addr=entry=*) argument=--socket-addr=entry=unix:$SCOUR_SOCKETS/entry ;;
  esac
  set -- "$@" "$argument"
done
exec "$SCOUR_WORKERD" "$@"
