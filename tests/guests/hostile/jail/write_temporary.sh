# Leaves a file in the folders where everybody may write.
# expect: exited | Permission denied

for folder in /tmp /var/tmp /dev/shm; do echo x > $folder/mmh-hostile-left; done
