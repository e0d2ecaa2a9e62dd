function __fish_wancfg_using_command
    set -l cmd (commandline -xpc)
    set -e cmd[1]
    set -l target_cmd $argv

    set -l known_value_flags 'add-interface' 'boot' 'g' 'get' 'new' 'remove-interface' 'rename-interface' 'root' 's' 'set' 'unset'

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

complete -c wancfg -n '__fish_wancfg_using_command' -l help -d 'display usage information'
complete -c wancfg -n '__fish_wancfg_using_command' -l new -r -d 'make the device, with this link type: WAN_FR, WAN_CHDLC, ...'
complete -c wancfg -n '__fish_wancfg_using_command' -l set -s s -r -d 'give a key a value; several times'
complete -c wancfg -n '__fish_wancfg_using_command' -l unset -r -d 'take a key away, so that its default counts; several times'
complete -c wancfg -n '__fish_wancfg_using_command' -l add-interface -r -d 'add an interface: its name, its address on the link (a DLCI, an X.25 address), its mode (default: WANPIPE)'
complete -c wancfg -n '__fish_wancfg_using_command' -l remove-interface -r -d 'take an interface away'
complete -c wancfg -n '__fish_wancfg_using_command' -l rename-interface -r -d 'give an interface another name'
complete -c wancfg -n '__fish_wancfg_using_command' -l boot -r -d 'yes, no: whether \'wanrouter start\' starts the device (WAN_DEVICES of wanrouter.rc)'
complete -c wancfg -n '__fish_wancfg_using_command' -l delete -d 'take the device away; what its files held stays beside them as NAME.bak'
complete -c wancfg -n '__fish_wancfg_using_command' -l get -s g -r -d 'print the value that counts for a key: its own or its default; several times'
complete -c wancfg -n '__fish_wancfg_using_command' -l check -d 'say whether the configuration would load, and all that is wrong or odd in it'
complete -c wancfg -n '__fish_wancfg_using_command' -l list-keys -d 'list the keys that the device (or any) has, with what they may be and mean'
complete -c wancfg -n '__fish_wancfg_using_command' -l list -d 'list the devices'
complete -c wancfg -n '__fish_wancfg_using_command' -l json -d 'print JSON'
complete -c wancfg -n '__fish_wancfg_using_command' -l plain -d 'menus as plain lines of text (also where TERM is dumb)'
complete -c wancfg -n '__fish_wancfg_using_command' -l root -r -d 'put this directory before all paths (default: $WANBOX_ROOT, else /)'
