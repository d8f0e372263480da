# Where Kafka's jars are, how they get there and how to run a class from them. Sourced after lib.sh.

# The folder is named after the pom's content: another Kafka release is another folder.
kafka_jars=$cache/kafka/$(cksum <"$services_dir/kafka.d/pom.xml" | cut -d' ' -f1)

# By its full name: asked for the plugin by prefix, Maven reports a network failure as an unknown prefix.
maven_copy=org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies

# Fetched into a temporary folder and moved at the end: an interrupted download leaves nothing behind
# that looks complete, and two runs at once do no harm.
provide_kafka_jars() {
    need java default-jre-headless
    [ -d "$kafka_jars" ] && return
    need mvn maven
    say "kafka: fetching Apache Kafka by Maven (56 MB, once)"
    local fresh=$kafka_jars.$$
    mkdir -p "$cache/kafka"
    if ! mvn -B -ntp -q -Dstyle.color=never -f "$services_dir/kafka.d/pom.xml" "$maven_copy" \
        -DincludeScope=runtime -DoutputDirectory="$fresh" >&2; then
        rm -rf "$fresh"
        unavailable "Maven could not fetch Kafka's jars (see its messages above)"
    fi
    mv -T "$fresh" "$kafka_jars" 2>/dev/null || rm -rf "$fresh"
}

# Short-lived: the first compiler and the simplest collector start fastest.
kafka_tool_options=(-Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto)

kafka_java() {
    java "${kafka_tool_options[@]}" -Dlog4j.configuration="file:$services_dir/kafka.d/tool-log4j.properties" \
        -cp "$kafka_jars/*" "$@" 8>&- 9>&-
}

exec_kafka_java() {
    exec java "${kafka_tool_options[@]}" -Dlog4j.configuration="file:$services_dir/kafka.d/tool-log4j.properties" \
        -cp "$kafka_jars/*" "$@"
}
