function __fish_ppipemon_using_command
    set -l cmd (commandline -xpc)
    set -e cmd[1]
    set -l target_cmd $argv

    set -l known_value_flags 'c' 'command' 'count' 'd' 'dlci' 'i' 'interface' 'interval' 'key-file' 'lcn' 'pcap-file' 'port' 'prot' 'root' 'seconds' 'timeout' 'u' 'x25opt'

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

complete -c ppipemon -n '__fish_ppipemon_using_command' -l help -d 'display usage information'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l interface -s i -r -d 'the IPv4 address of the link\'s far end (asks by UDP), or the name of an interface of this host'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l port -s u -r -d 'UDP port of the management protocol, 9000 unless given'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l key-file -r -d 'key that the far end asks for (its UDP_KEY_FILE): allows every command from there'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l command -s c -r -d 'what to do; see COMMANDS in the manual, or call without arguments'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l dlci -s d -r -d 'the DLCI that the command is about, or the only one to trace (Frame Relay)'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l xml -s x -d 'XML output'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l lcn -r -d 'the logical channel that the command is about, or the only one to trace (X.25)'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l json -d 'JSON output with stable keys'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l gui -s g -d 'choose from menus'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l top -d 'live view: line state, rates, errors, DLCIs; q or ESC ends it. Where standard output is no terminal, a plain sample an interval'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l interval -r -d 'time between two samples of --top, such as 1s or 500ms'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l full -d 'trace: show frames in full length, else their first 39 octets'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l brief -d 'trace: a line a frame'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l hex -d 'trace: with --brief, the octets of each frame too'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l ascii -d 'trace: show what packets of X.25 carry for their users as ASCII characters'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l ebcdic -d 'trace: the same as EBCDIC characters'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l systime -d 'trace: show the time of day instead of the adapter\'s milliseconds'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l prot -r -d 'trace: only frames of these protocols, of FR CHDLC PPP ETH IP X25 LAPB, joined by \'-\''
complete -c ppipemon -n '__fish_ppipemon_using_command' -l x25opt -r -d 'trace: only data (DATA) or only other packets (PROT) of X.25'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l pcap -d 'trace: write a pcap file instead of showing frames'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l pcap-file -r -d 'trace: name of the pcap file, wp_trace_pcap.bin unless given; implies --pcap'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l count -r -d 'trace or --top: end after N frames or samples'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l seconds -r -d 'trace: end after S seconds'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l traceinfo -d 'explain the options of traces'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l timeout -r -d 'how long to wait for an answer each of four times, 5s unless given'
complete -c ppipemon -n '__fish_ppipemon_using_command' -l root -r -d 'directory that stands for / (instead of WANBOX_ROOT)'
