
    $path = 'ws76'
    $flag = ''
    foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {
        if ($element.Extent.EndOffset -ge $cursorPosition) {
            # What is behind a comma is no word: a value goes on there.
            if ($element.Extent.StartOffset -lt $cursorPosition -and
                $element.GetType().Name -in 'ArrayLiteralAst', 'ErrorExpressionAst') { return }
            break
        }
        $word = $element.Extent.Text.Trim("'", '"')
        if ($flag) { $flag = '' }
        elseif ($values.ContainsKey("$path $word")) { $flag = $word }
        elseif ($commands.ContainsKey("$path $word")) { $path = "$path $word" }
    }
    $prefix = ''
    # A word may stand in quotes; an @ has to.
    $word = $wordToComplete.Trim("'", '"')
    if (-not $flag -and $word -match '^(--[^=]+)=(.*)$' -and $values.ContainsKey("$path $($Matches[1])")) {
        $flag = $Matches[1]
        $prefix = "$flag="
        $word = $Matches[2]
    }
    $kinds = @()
    if ($flag) { $words = $values["$path $flag"]; $kinds = $asked["$path $flag"] }
    elseif ($word -like '-*') { $words = $flags[$path] }
    else { $words = $arguments[$path]; $kinds = $asked[$path] }
    # The exit code of the last command is still the user's to look at.
    $code = Get-Variable LASTEXITCODE -Scope Global -ValueOnly -ErrorAction Ignore
    foreach ($kind in $kinds) {
        try { $words = @($words) + @(& $commandAst.GetCommandName() __complete $kind -- $word 2>$null) } catch { }
        $global:LASTEXITCODE = $code
    }
    # Where nothing is returned PowerShell offers the names of files, but not behind =.
    if ($prefix -and -not $words) {
        foreach ($file in [System.Management.Automation.CompletionCompleters]::CompleteFilename($word)) {
            [System.Management.Automation.CompletionResult]::new($prefix + $file.CompletionText,
                $file.ListItemText, $file.ResultType, $file.ToolTip)
        }
        return
    }
    foreach ($entry in $words) {
        $text, $tip = $entry -split "`t", 2
        if (-not $tip) { $tip = $text }
        if ($text -and $text.StartsWith($word, [StringComparison]::Ordinal)) {
            if ($text.StartsWith('@')) { $text = "'$text'" }
            [System.Management.Automation.CompletionResult]::new("$prefix$text", $text, 'ParameterValue', $tip)
        }
    }
}
