# Links a file into its own folder.
# expect: exited | 

ln secret out/link && cat out/link
