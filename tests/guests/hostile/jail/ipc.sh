# Makes memory, semaphores and queues that outlive it.
# expect: exited | kept

exec "$PRISONER" ipc
