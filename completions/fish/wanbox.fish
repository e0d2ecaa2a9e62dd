function __fish_wanbox_using_command
    set -l cmd (commandline -xpc)
    set -e cmd[1]
    set -l target_cmd $argv

    set -l known_value_flags

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

complete -c wanbox -n '__fish_wanbox_using_command' -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command' -l list -d 'print the names of the applets, one a line'
complete -c wanbox -n '__fish_wanbox_using_command' -l install -d 'make a link for every applet in the directory DIR; what is there and is not one of these links stays, and then nothing is made'
complete -c wanbox -n '__fish_wanbox_using_command' -l symbolic -s s -d 'with --install: symbolic links instead of hard ones'
complete -c wanbox -n '__fish_wanbox_using_command' -l force -d 'with --install: replace files that are not links to this executable'
complete -c wanbox -n '__fish_wanbox_using_command' -l version -d 'print the version'
