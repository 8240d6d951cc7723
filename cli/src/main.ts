process.stdout.write("carillon: no command yet\n");
