# Completion of understudy for fish: the program itself tells its commands and options.
complete -c understudy -n __fish_use_subcommand -f -a '(understudy --help=list 2>/dev/null)'
complete -c understudy -n 'not __fish_use_subcommand' -a '(understudy (commandline -opc)[2] --help=list 2>/dev/null | string replace -r "\t.*\t" "\t")'
