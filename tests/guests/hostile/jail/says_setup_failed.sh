# Ends as if the jail had failed, so that the host gives up.
# expect: exited | the jail could not be set up

exec "$PRISONER" says-setup-failed
