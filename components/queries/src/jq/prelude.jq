# Definitions that the libraries lack, or that differ from jq there.
def env: $ENV;
def del(f): delpaths([path(f)]);
def toboolean:
  if . == "true" or . == true then true
  elif . == "false" or . == false then false
  else error("toboolean cannot be applied to: \(type) (\(tojson))") end;
def transpose: [range([.[] | length] | max // 0) as $i | [.[][$i]]];
def in(xs): . as $x | xs | has($x);
def inside(xs): . as $x | xs | contains($x);
def index($i): indices($i) | if . then .[0] else null end;
def rindex($i): indices($i) | if . then .[-1] else null end;
def join($s):
  if length == 0 then "" else
    reduce .[] as $x (null;
      (if . == null then "" else . + $s end)
      + (if $x == null then "" elif $x | isstring then $x else $x | tojson end))
  end;
def from_entries:
  def named: if type == "string" then . else tojson end;
  reduce .[] as $e ({};
    .[$e | if type == "object"
      then (if .key != null then .key elif .k != null then .k elif .name != null then .name
        elif .Name != null then .Name elif .Key != null then .Key else .K end)
      else error("expected an object but got: \(type) (\(tojson))") end | named]
    = ($e | if has("value") then .value elif has("v") then .v else .Value end));
def with_entries(f): to_entries | map(f) | from_entries;
def leaf_paths: paths(scalars);
def toarray: if isarray then . else [.] end;
def ascii: [.] | implode;
def date: todate;
def IN(values): any(values == .; .);
def IN(source; values): any(source == values; .);
def INDEX(rows; f): reduce rows as $row ({}; .[$row | f | tostring] = $row);
def INDEX(f): INDEX(.[]; f);
def tostream:
  def visit($path):
    if (isarray or isobject) and length > 0
    then (if isarray then [range(length)] else keys end) as $keys
      | ($keys[] as $key | .[$key] | visit($path + [$key])), [$path + [$keys[-1]]]
    else [$path, .] end;
  visit([]);
def fromstream(events):
  foreach events as $event ({};
    (if .done then {} else . end)
    | if $event | length == 2
      then if $event[0] | length == 0
        then { value: $event[1], done: true }
        else setpath(["value"] + $event[0]; $event[1]) end
      elif $event[0] | length == 1 then .done = true
      else . end;
    if .done then .value else empty end);
def truncate_stream(events):
  . as $depth | events | select(.[0] | length > $depth) | .[0] |= .[$depth:];
def ltrimstr($x): if isstring and ($x | isstring) and startswith($x) then .[($x | length):] else . end;
def rtrimstr($x):
  if isstring and ($x | isstring) and ($x | length) > 0 and endswith($x)
  then .[:length - ($x | length)] else . end;
def trimstr($x): ltrimstr($x) | rtrimstr($x);
def dateadd($unit; $n): . + $n;
def datesub($unit; $n): . - $n;
def have_literal_numbers: true;
def have_decnum: false;
def input_filename: null;
def input_line_number: 0;
def @json: tojson;
def @csv: format_csv;
def @tsv: format_tsv;
def @base32: tostring | encode_base32;
def @base32d: tostring | decode_base32;
