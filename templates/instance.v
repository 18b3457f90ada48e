{{ module }}{% if has_parameters %} #({{ parameters }}){% endif %} {{ name }} ({{ connections }});
