-- Sends the MR series of a study to tumorscope once the study is stable, each series once.
-- Research use only. Not a medical device.

local SENT = '4444' -- user-defined metadata of Orthanc, any number from 1024 on

function OnStableStudy(studyId, tags, metadata)
  for _, seriesId in pairs(ParseJson(RestApiGet('/studies/' .. studyId))['Series']) do
    local series = ParseJson(RestApiGet('/series/' .. seriesId))
    local known = ParseJson(RestApiGet('/series/' .. seriesId .. '/metadata?expand'))
    local count = tostring(#series['Instances'])
    if series['MainDicomTags']['Modality'] == 'MR' and known[SENT] ~= count then
      SendToModality(seriesId, 'tumorscope')
      RestApiPut('/series/' .. seriesId .. '/metadata/' .. SENT, count)
    end
  end
end
