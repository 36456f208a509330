# Makes every system call that the jail does not list.
# expect: exited | kept

exec "$PRISONER" every-other-call "$ALLOWED"
