function __fish_wanbox_using_command
    set -l cmd (commandline -xpc)
    set -e cmd[1]
    set -l target_cmd $argv

    set -l known_value_flags 'a' 'adsl' 'c' 'command' 'conf' 'console' 'count' 'd' 'dlci' 'down' 'f' 'file' 'i' 'interface' 'interval' 'key-file' 'log' 'log-file' 'messages' 'pcap' 'pcap-file' 'port' 'prot' 'root' 'seconds' 'set' 'timeout' 'u' 'y' 'z'

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
complete -c wanbox -n '__fish_wanbox_using_command' -f -a 'wanrouter' -d 'start and stop WAN links, and show what they do'
complete -c wanbox -n '__fish_wanbox_using_command' -f -a 'wanconfig' -d 'set up, change and show WAN devices and interfaces'
complete -c wanbox -n '__fish_wanbox_using_command' -f -a 'wanpiped' -d 'link daemon of one WAN device'
complete -c wanbox -n '__fish_wanbox_using_command' -f -a 'fpipemon' -d 'watch a Frame Relay link'
complete -c wanbox -n '__fish_wanbox_using_command' -f -a 'cpipemon' -d 'watch a Cisco HDLC link'
complete -c wanbox -n '__fish_wanbox_using_command' -f -a 'cfgft1' -d 'set a line\'s CSU/DSU and record its settings'
complete -c wanbox -n '__fish_wanbox_using_command' -f -a 'wpbackupd' -d 'watch primary WAN links and bring up a backup'
complete -c wanbox -n '__fish_wanbox_using_command' -f -a 'wpkbdmon' -d 'show the state of a WAN link on the keyboard\'s lamps'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter' -f -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter' -f -l root -r -d 'put this directory before all paths (default: $WANBOX_ROOT, else /)'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter' -f -a 'start' -d 'Start all devices of WAN_DEVICES, one device, or one interface of a device.'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter' -f -a 'stop' -d 'Stop all devices of WAN_DEVICES, one device, one interface of a device, or (all) whatever runs.'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter' -f -a 'restart' -d 'Stop and start again. A wrong new configuration leaves the running link as it is.'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter' -f -a 'status' -d 'Show what runs: devices, their configuration and their state.'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter' -f -a 'list' -d 'List the active devices.'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter' -f -a 'summary' -d 'Show every configuration file and the state of its device, a line each.'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter' -f -a 'hwprobe' -d 'List the lines that this machine offers.'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter' -f -a 'debug' -d 'Look for what is wrong with the installation, or with one interface.'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter' -f -a 'conflog' -d 'Show the log of starts and stops.'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter' -f -a 'messages' -d 'Show the last 200 lines of the system\'s log.'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter' -f -a 'version' -d 'Show the version.'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter start' -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter stop' -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter restart' -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter status' -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter status' -l json -d 'one line of JSON'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter list' -f -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter list' -f -l json -d 'one line of JSON'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter summary' -f -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter summary' -f -l json -d 'one line of JSON'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter hwprobe' -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter hwprobe' -l json -d 'one line of JSON'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter debug' -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter conflog' -f -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter messages' -f -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wanrouter version' -f -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -l file -s f -r -d 'start the devices of this configuration file'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -l down -s d -r -d 'stop the devices of this configuration file'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -l arguments -s U -d 'start a device that the words describe: [devices] DEV TYPE [interfaces] IF DEV ADDR|- MODE [DEV] KEY VALUE ... [IF] KEY VALUE ...'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -l adsl -s a -r -d 'accepted and ignored: list of ADSL channels'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -l verbose -s v -d 'say what is read and set'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -l hints -s w -d 'name the log after a failure (always done)'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -l log -s y -r -d 'the log of what is read and set (default: WAN_LOG of wanrouter.rc)'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -l messages -s z -r -d 'the system\'s log, named after a failure (default: /var/log/messages)'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -l usage -s h -d 'print this help'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -l version -s V -d 'print the version'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -l daemon -s x -d 'not offered: the daemon mode of the original'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -l json -d 'show in one line of JSON'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -l root -r -d 'put this directory before all paths (default: $WANBOX_ROOT, else /)'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'card' -d 'the device that follows'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'wan' -d 'the device that follows'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'dev' -d 'the interface that follows'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'nodev' -d 'no interface'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'start' -d 'start the device, or create the interface'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'up' -d 'as start'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'add' -d 'as start'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'stop' -d 'stop the device, or take the interface away'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'down' -d 'as stop'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'del' -d 'as stop'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'delete' -d 'as stop'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'restart' -d 'stop and start again'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'reload' -d 'as restart'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'reconfig' -d 'read the file again and apply what differs'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'status' -d 'show the state'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'stat' -d 'as status'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'show' -d 'as status'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'config' -d 'show the configuration'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'counters' -d 'show every counter'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'flush' -d 'clear the counters'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'line' -d 'cut: unplug the line; join: plug it in'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'capture' -d 'write the line to the pcap file that follows, or off'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'hwprobe' -d 'list what lines can run on'
complete -c wanbox -n '__fish_wanbox_using_command wanconfig' -f -a 'help' -d 'print the usage'
complete -c wanbox -n '__fish_wanbox_using_command wanpiped' -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wanpiped' -l foreground -s f -d 'stay in the foreground and log to standard error'
complete -c wanbox -n '__fish_wanbox_using_command wanpiped' -l conf -s c -r -d 'configuration file; "-" reads it from standard input (default: DEVICE.conf in the configuration directory)'
complete -c wanbox -n '__fish_wanbox_using_command wanpiped' -l pcap -r -d 'capture the line to this pcap file from the start'
complete -c wanbox -n '__fish_wanbox_using_command wanpiped' -l log-file -r -d 'log to this file, reopened on SIGHUP (default: WAN_LOG of wanrouter.rc; with -f none)'
complete -c wanbox -n '__fish_wanbox_using_command wanpiped' -l verbose -s v -d 'log what is below notices too'
complete -c wanbox -n '__fish_wanbox_using_command wanpiped' -l root -r -d 'put this directory before every path (default: $WANBOX_ROOT)'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l interface -s i -r -d 'the IPv4 address of the link\'s far end (asks by UDP), or the name of an interface of this host'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l port -s u -r -d 'UDP port of the management protocol, 9000 unless given'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l key-file -r -d 'key that the far end asks for (its UDP_KEY_FILE): allows every command from there'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l command -s c -r -d 'what to do; see COMMANDS in the manual, or call without arguments'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l dlci -s d -r -d 'the DLCI that the command is about, or the only one to trace (Frame Relay)'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l xml -s x -d 'XML output'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l json -d 'JSON output with stable keys'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l gui -s g -d 'choose from menus'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l top -d 'live view: line state, rates, errors, DLCIs; q or ESC ends it. Where standard output is no terminal, a plain sample an interval'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l interval -r -d 'time between two samples of --top, such as 1s or 500ms'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l full -d 'trace: show frames in full length, else their first 39 octets'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l brief -d 'trace: a line a frame'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l hex -d 'trace: with --brief, the octets of each frame too'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l systime -d 'trace: show the time of day instead of the adapter\'s milliseconds'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l prot -r -d 'trace: only frames of these protocols, of FR CHDLC PPP ETH IP X25 LAPB, joined by \'-\''
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l pcap -d 'trace: write a pcap file instead of showing frames'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l pcap-file -r -d 'trace: name of the pcap file, wp_trace_pcap.bin unless given; implies --pcap'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l count -r -d 'trace or --top: end after N frames or samples'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l seconds -r -d 'trace: end after S seconds'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l traceinfo -d 'explain the options of traces'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l timeout -r -d 'how long to wait for an answer each of four times, 5s unless given'
complete -c wanbox -n '__fish_wanbox_using_command fpipemon' -l root -r -d 'directory that stands for / (instead of WANBOX_ROOT)'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l interface -s i -r -d 'the IPv4 address of the link\'s far end (asks by UDP), or the name of an interface of this host'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l port -s u -r -d 'UDP port of the management protocol, 9000 unless given'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l key-file -r -d 'key that the far end asks for (its UDP_KEY_FILE): allows every command from there'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l command -s c -r -d 'what to do; see COMMANDS in the manual, or call without arguments'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l dlci -s d -r -d 'the DLCI that the command is about, or the only one to trace (Frame Relay)'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l xml -s x -d 'XML output'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l json -d 'JSON output with stable keys'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l gui -s g -d 'choose from menus'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l top -d 'live view: line state, rates, errors, DLCIs; q or ESC ends it. Where standard output is no terminal, a plain sample an interval'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l interval -r -d 'time between two samples of --top, such as 1s or 500ms'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l full -d 'trace: show frames in full length, else their first 39 octets'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l brief -d 'trace: a line a frame'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l hex -d 'trace: with --brief, the octets of each frame too'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l systime -d 'trace: show the time of day instead of the adapter\'s milliseconds'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l prot -r -d 'trace: only frames of these protocols, of FR CHDLC PPP ETH IP X25 LAPB, joined by \'-\''
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l pcap -d 'trace: write a pcap file instead of showing frames'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l pcap-file -r -d 'trace: name of the pcap file, wp_trace_pcap.bin unless given; implies --pcap'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l count -r -d 'trace or --top: end after N frames or samples'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l seconds -r -d 'trace: end after S seconds'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l traceinfo -d 'explain the options of traces'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l timeout -r -d 'how long to wait for an answer each of four times, 5s unless given'
complete -c wanbox -n '__fish_wanbox_using_command cpipemon' -l root -r -d 'directory that stands for / (instead of WANBOX_ROOT)'
complete -c wanbox -n '__fish_wanbox_using_command cfgft1' -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command cfgft1' -l read -d 'read the unit\'s settings, show and record them'
complete -c wanbox -n '__fish_wanbox_using_command cfgft1' -l auto -d 'have the unit find its line\'s settings, show and record them'
complete -c wanbox -n '__fish_wanbox_using_command cfgft1' -l set -r -d 'set one setting (framing, encoding, line build, channel, baud, clocking) on top of the record; may be repeated'
complete -c wanbox -n '__fish_wanbox_using_command cfgft1' -l check -d 'only say what is wrong with the file, or with the record'
complete -c wanbox -n '__fish_wanbox_using_command cfgft1' -l show -d 'only show the record'
complete -c wanbox -n '__fish_wanbox_using_command cfgft1' -l json -d 'show settings as one line of JSON'
complete -c wanbox -n '__fish_wanbox_using_command cfgft1' -l interface -s i -r -d 'the interface to ask through, or the far end\'s IPv4 address (default: the device\'s first interface)'
complete -c wanbox -n '__fish_wanbox_using_command cfgft1' -l timeout -r -d 'how long to wait for an answer each of four times (default: 5s)'
complete -c wanbox -n '__fish_wanbox_using_command cfgft1' -l root -r -d 'put this directory before every path but the file\'s (default: $WANBOX_ROOT)'
complete -c wanbox -n '__fish_wanbox_using_command wpbackupd' -f -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wpbackupd' -f -l foreground -s f -d 'stay in the foreground and log to standard error'
complete -c wanbox -n '__fish_wanbox_using_command wpbackupd' -f -l conf -s c -r -d 'configuration file (default: /etc/wanpipe/wpbackupd.conf)'
complete -c wanbox -n '__fish_wanbox_using_command wpbackupd' -f -l check -d 'only say what is wrong with the configuration'
complete -c wanbox -n '__fish_wanbox_using_command wpbackupd' -f -l log-file -r -d 'log to this file too, reopened on SIGHUP'
complete -c wanbox -n '__fish_wanbox_using_command wpbackupd' -f -l root -r -d 'put this directory before every path (default: $WANBOX_ROOT)'
complete -c wanbox -n '__fish_wanbox_using_command wpbackupd' -f -a 'status' -d 'Show every link, or one.'
complete -c wanbox -n '__fish_wanbox_using_command wpbackupd' -f -a 'backup' -d 'Use the backup of a link, whatever the state of its primary.'
complete -c wanbox -n '__fish_wanbox_using_command wpbackupd' -f -a 'primary' -d 'Use the primary of a link, whatever its state.'
complete -c wanbox -n '__fish_wanbox_using_command wpbackupd' -f -a 'auto' -d 'Let the state of the primary decide again.'
complete -c wanbox -n '__fish_wanbox_using_command wpbackupd' -f -a 'stop' -d 'Return every link to its primary and end the daemon.'
complete -c wanbox -n '__fish_wanbox_using_command wpbackupd status' -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wpbackupd status' -l json -d 'one line of JSON'
complete -c wanbox -n '__fish_wanbox_using_command wpbackupd backup' -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wpbackupd primary' -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wpbackupd auto' -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wpbackupd stop' -f -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wpkbdmon' -l help -d 'display usage information'
complete -c wanbox -n '__fish_wanbox_using_command wpkbdmon' -l print -d 'print a line a sample instead: for machines without a keyboard'
complete -c wanbox -n '__fish_wanbox_using_command wpkbdmon' -l json -d 'print a line of JSON a sample instead'
complete -c wanbox -n '__fish_wanbox_using_command wpkbdmon' -l count -r -d 'end after so many samples'
complete -c wanbox -n '__fish_wanbox_using_command wpkbdmon' -l console -r -d 'the console that has the keyboard (default: /dev/console)'
complete -c wanbox -n '__fish_wanbox_using_command wpkbdmon' -l root -r -d 'put this directory before every path but the console\'s (default: $WANBOX_ROOT)'
