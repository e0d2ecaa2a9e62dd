function __fish_pppconfig_using_command
    set -l cmd (commandline -xpc)
    set -e cmd[1]
    set -l target_cmd $argv

    set -l known_value_flags 'g' 'get' 'password-file' 'provider' 'root' 's' 'set' 'ttyport'

    set -l i 1
    set -l cleaned_cmd
    while test $i -le (count $cmd)
        set -l arg $cmd[$i]
        if string match -q -- "-*" $arg
            set -l pure_flag (string replace -r '^--?' '' -- $arg)
            if contains -- $pure_flag $known_value_flags
                set -l next_i (math $i + 1)
                if test $next_i -le (count $cmd)
                    if not string match -q -- "-*" $cmd[$next_i]
                        set i $next_i
                    end
                end
            end
        else
            set -a cleaned_cmd $arg
        end
        set i (math $i + 1)
    end

    set -l count_cleaned (count $cleaned_cmd)
    set -l count_target (count $target_cmd)

    if test $count_cleaned -ne $count_target
        return 1
    end

    for i in (seq $count_target)
        if test $cleaned_cmd[$i] != $target_cmd[$i]
            return 1
        end
    end

    return 0
end

complete -c pppconfig -n '__fish_pppconfig_using_command' -f -l help -d 'display usage information'
complete -c pppconfig -n '__fish_pppconfig_using_command' -f -l provider -r -d 'the provider (default: provider)'
complete -c pppconfig -n '__fish_pppconfig_using_command' -f -l ttyport -r -d 'the serial port of a new provider, and PORT for scripts'
complete -c pppconfig -n '__fish_pppconfig_using_command' -f -l noname -d 'do not ask for the name of a new provider'
complete -c pppconfig -n '__fish_pppconfig_using_command' -f -l set -s s -r -d 'make the provider or change it: give a key a value; several times'
complete -c pppconfig -n '__fish_pppconfig_using_command' -f -l password-file -r -d 'take the password from the first line of this file; - is standard input'
complete -c pppconfig -n '__fish_pppconfig_using_command' -f -l get -s g -r -d 'print the value of a key; several times'
complete -c pppconfig -n '__fish_pppconfig_using_command' -f -l delete -d 'take the provider away; what its files held stays beside them as NAME.bak'
complete -c pppconfig -n '__fish_pppconfig_using_command' -f -l list -d 'list the providers'
complete -c pppconfig -n '__fish_pppconfig_using_command' -f -l plain -d 'menus as plain lines of text (also where TERM is dumb)'
complete -c pppconfig -n '__fish_pppconfig_using_command' -f -l whiptail -d 'accepted and ignored: a program to draw menus with'
complete -c pppconfig -n '__fish_pppconfig_using_command' -f -l dialog -d 'accepted and ignored: a program to draw menus with'
complete -c pppconfig -n '__fish_pppconfig_using_command' -f -l gdialog -d 'accepted and ignored: a program to draw menus with'
complete -c pppconfig -n '__fish_pppconfig_using_command' -f -l kdialog -d 'accepted and ignored: a program to draw menus with'
complete -c pppconfig -n '__fish_pppconfig_using_command' -f -l version -d 'print the version'
complete -c pppconfig -n '__fish_pppconfig_using_command' -f -l root -r -d 'put this directory before all paths (default: $WANBOX_ROOT, else /)'
