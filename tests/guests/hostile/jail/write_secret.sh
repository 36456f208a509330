# Changes a file that lies beside its folder.
# expect: exited | Permission denied

echo x > secret; echo x >> secret; rm -f secret; mv secret out/
